"""The digits network in several frameworks, with the weights that PyTorch trained: models for the
`python:` door, each a callable that takes one batch of torch tensors. FOD_DOORS_WEIGHTS names the
file of weights.write_weights."""
