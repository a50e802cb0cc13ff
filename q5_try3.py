src=open('q5_try.py').read().split("for n in")[0]; exec(src)
import memverify.robustness.patterns as P
from memverify.tensors.cascade import exact_answers
from memverify.tensors.exact import tensor_outputs
from memverify.robustness.problem import *; from memverify.robustness.regions import *; from memverify.robustness.bounds import *
from gmpy2 import mpq
rng=np.random.default_rng(0)
for n in (2,5):
    net=TensorNetwork.chain((n,),[Dense(ExactArray(rng.standard_normal((6,n))),ExactArray(rng.standard_normal(6))),Rectify(),Dense(ExactArray(rng.standard_normal((5,6))),ExactArray(rng.standard_normal(5))),Rectify(),Dense(ExactArray(rng.standard_normal((3,5))),ExactArray(rng.standard_normal(3)))])
    pts=rng.standard_normal((6,n))
    lab=exact_answers(tensor_outputs(net,Dataset(pts,[1]*6)))
    data=ClassDataset(pts,lab.tolist(),n_classes=3)
    for norm in ("inf","2"):
      for r in ("0.2","0.5","1","1.5","2"):
        prob=Problem.of(net,data,norm,None); known=Knowledge(prob); c=Centers(prob); b=Bounder(net)
        pat=P.Patterns(prob,known,c,b)
        calls={}
        for name in ("_relaxed_answer","_exactly","_proved","_halves"):
            def wrap(f,name=name):
                def g(*a):
                    t=time.time(); v=f(*a); d=calls.setdefault(name,[0,0.0,{}]); d[0]+=1; d[1]+=time.time()-t
                    if isinstance(v,str): d[2][v]=d[2].get(v,0)+1
                    return v
                return g
            setattr(pat,name,wrap(getattr(pat,name)))
        t=time.time(); v=pat.decide(0,mpq(r),time.monotonic()+5); print(n,norm,r,v,round(time.time()-t,2),{k:(x[0],round(x[1],2),x[2]) for k,x in calls.items()})
