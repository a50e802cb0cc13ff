import torch, time, sys; torch.set_num_threads(1)
import memverify.robustness.patterns as P
src=open('q5_try.py').read().split("for n in")[0]
exec(src)
from memverify.tensors.cascade import exact_answers
from memverify.tensors.exact import tensor_outputs
from memverify.robustness.problem import *; from memverify.robustness.regions import *; from memverify.robustness.bounds import *; 
from gmpy2 import mpq
n=5
rng=np.random.default_rng(1)
net=TensorNetwork.chain((n,),[Dense(ExactArray(rng.standard_normal((6,n))),ExactArray(rng.standard_normal(6))),Rectify(),Dense(ExactArray(rng.standard_normal((5,6))),ExactArray(rng.standard_normal(5))),Rectify(),Dense(ExactArray(rng.standard_normal((3,5))),ExactArray(rng.standard_normal(3)))])
pts=rng.standard_normal((6,n))
lab=exact_answers(tensor_outputs(net,Dataset(pts,[1]*6)))
data=ClassDataset(pts,lab.tolist(),n_classes=3)
for norm in ("inf","2"):
  for few in (0,):
    P._FEW_KINKS=few
    for k in range(6):
        prob=Problem.of(net,data,norm,None); known=Knowledge(prob); c=Centers(prob); b=Bounder(net)
        pat=P.Patterns(prob,known,c,b)
        out=[]
        for r in ("1/4","1/2","1"):
            t=time.time(); v=pat.decide(k,mpq(r),time.monotonic()+5); out.append((v,round(time.time()-t,2)))
        print(norm,few,k,out)
