src=open('q5_try.py').read().split("for n in")[0]; exec(src)
import memverify.robustness.radii as R, memverify.robustness.attacks as A, memverify.robustness.patterns as P
from memverify.tensors.cascade import exact_answers
from memverify.tensors.exact import tensor_outputs
def timed(cls,name):
    f=getattr(cls,name)
    def g(self,*a,**k):
        t=time.time(); v=f(self,*a,**k); print("   ",name,a[0] if name in("decide","least_radius") else "",float(a[1]) if name in("decide","least_radius") else "",v if isinstance(v,(str,bool)) else "",round(time.time()-t,2)); return v
    setattr(cls,name,g)
for c,ns in ((R._Run,("_judge_samples","_bisect")),(A.Attack,("from_samples","search")),(P.Patterns,("decide","least_radius"))):
    for nme in ns: timed(c,nme)
rng=np.random.default_rng(0)
for n in (2,):
    net=TensorNetwork.chain((n,),[Dense(ExactArray(rng.standard_normal((6,n))),ExactArray(rng.standard_normal(6))),Rectify(),Dense(ExactArray(rng.standard_normal((5,6))),ExactArray(rng.standard_normal(5))),Rectify(),Dense(ExactArray(rng.standard_normal((3,5))),ExactArray(rng.standard_normal(3)))])
    pts=rng.standard_normal((6,n))
    lab=exact_answers(tensor_outputs(net,Dataset(pts,[1]*6)))
    data=ClassDataset(pts,lab.tolist(),n_classes=3)
    for norm in ("inf","2"):
        t=time.time(); r=robust_radii(net,data,norm,timeout=20); print(n,norm,round(time.time()-t,2))
