#pragma once

/// What only a GPU needs is loaded when one is bound: LibTorch's CUDA part, with cuBLAS and NCCL
/// below it, takes a sixth of a second and 350 MB of every rank.
namespace fod::cuda {

/// Once for the process; before the first use of LibTorch, which asks but once what devices there
/// are. @throws Error (failed) with the loader's own text
void load_libraries();

namespace detail {
void* symbol(char const* name);
} // namespace detail

/// The function of that name in cuBLAS or NCCL, as its header declares it: its address is not known
/// when we are linked. @throws Error (failed) if no library has it
template <class Function>
Function* function(char const* name) {
  return reinterpret_cast<Function*>(detail::symbol(name));
}

} // namespace fod::cuda
