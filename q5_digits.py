import torch, time, sys; torch.set_num_threads(1)
from memverify.dataset import Dataset
from memverify.class_dataset import ClassDataset
from memverify.datasets import load_dataset
from memverify.robustness.radii import robust_radii
from memverify.tensors.tensor_network import *; from memverify.tensors.operations import *; from memverify.tensors.exact_array import ExactArray
import numpy as np, z3, scipy.optimize
which, width, count, norm, rad, timeout = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3]), sys.argv[4], (None if sys.argv[5]=="-" else sys.argv[5]), float(sys.argv[6])
d=load_dataset(which)
x=torch.tensor(np.asarray(d.numerators).astype(np.float64)/float(d.denominator)).float(); y=torch.tensor(d.labels.astype(np.float32))
torch.manual_seed(0)
ls=[];p=x.shape[1]
for w in width: ls+=[torch.nn.Linear(p,w),torch.nn.ReLU()]; p=w
ls.append(torch.nn.Linear(p,1)); m=torch.nn.Sequential(*ls)
o=torch.optim.Adam(m.parameters(),1e-3)
for ep in range(20 if len(x)>1000 else 200):
    for i in torch.randperm(len(x)).split(128):
        o.zero_grad(); l=torch.nn.functional.softplus(-y[i]*m(x[i])[:,0]).mean(); l.backward(); o.step()
ops=[]
for l in m:
    ops.append(Rectify() if isinstance(l,torch.nn.ReLU) else Dense(ExactArray(l.weight.detach().numpy()),ExactArray(l.bias.detach().numpy())))
net=TensorNetwork.chain((x.shape[1],),ops)
d=d.subset(range(count))
t=time.time(); r=robust_radii(net,d,norm,rad,timeout=timeout); print(which,width,count,norm,rad,"sec",round(time.time()-t,1))
print({v:r.count(v) for v in ("robust","not robust","undecided")}, "exact", sum(s.is_exact for s in r.samples))
for a,b in r.histogram(): print(a,b)
import collections
print(collections.Counter(s.certified_by for s in r.samples), collections.Counter(s.counterexample and s.counterexample.found_by for s in r.samples))
rt=[(float(s.counterexample.distance)/float(s.certified)) for s in r.samples if s.certified and s.counterexample]
print("ratio found/certified: median",np.median(rt),"max",max(rt))
