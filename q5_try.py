import torch, time, sys; torch.set_num_threads(1)
from memverify.network import *; from memverify.dataset import Dataset
from memverify.class_dataset import ClassDataset
from memverify.robustness.radii import robust_radii
import numpy as np
import z3, scipy.optimize
from memverify.tensors.tensor_network import *; from memverify.tensors.operations import *; from memverify.tensors.exact_array import ExactArray
rng=np.random.default_rng(0)
for n in (2,5):
    net=TensorNetwork.chain((n,),[Dense(ExactArray(rng.standard_normal((6,n))),ExactArray(rng.standard_normal(6))),Rectify(),Dense(ExactArray(rng.standard_normal((5,6))),ExactArray(rng.standard_normal(5))),Rectify(),Dense(ExactArray(rng.standard_normal((3,5))),ExactArray(rng.standard_normal(3)))])
    pts=rng.standard_normal((6,n))
    from memverify.tensors.cascade import exact_answers
    from memverify.tensors.exact import tensor_outputs
    lab=exact_answers(tensor_outputs(net,Dataset(pts,[1]*6)))
    data=ClassDataset(pts,lab.tolist(),n_classes=3)
    for norm in ("inf","2"):
        t=time.time(); r=robust_radii(net,data,norm,timeout=20); print(n,norm,round(time.time()-t,2))
        for s in r.samples: print(float(s.certified) if s.certified is not None else None,s.closed,s.certified_by,s.counterexample and (float(s.counterexample.distance),s.counterexample.found_by), s.is_exact)
