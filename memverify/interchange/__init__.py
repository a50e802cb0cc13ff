"""Networks from and for other people's tools: ONNX, torch, safetensors, NNet, SMT-LIB."""
