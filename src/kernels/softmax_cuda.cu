#include "sides.cuh"

#include "softmax.cuh"

/// Which shape suits which number of classes (tests/bench/bench_epilogue_cuda.cpp compares them).
namespace fod::cuda {

template <class T>
void softmax(T const* values, SoftmaxSpec const& spec, EpilogueView const& out,
             cudaStream_t stream) {
  auto const tiles = [&]<class... Shapes>(Shapes...) {
    return (launch_tiles<Shapes>(values, spec, out, stream) || ...);
  };
  auto const rows = [&]<class... Shapes>(Shapes...) {
    return (launch_rows<Shapes>(values, spec, out, stream) || ...);
  };
  if (tiles(TileShape<1, 2, 16, 2, 12>(), TileShape<1, 4, 8, 2, 10>(), TileShape<1, 8, 4, 1, 10>(),
            TileShape<1, 16, 2, 1, 9>(), TileShape<1, 32, 1, 2, 8>(), TileShape<2, 32, 1, 2, 7>(),
            TileShape<4, 32, 1, 2, 7>(), TileShape<8, 32, 1, 2, 7>(), TileShape<16, 32, 1, 2, 7>(),
            TileShape<32, 32, 1, 1, 7>()) ||
      rows(RowShape<128, 16, 8>(), RowShape<256, 16, 5>(), RowShape<256, 32, 4>(),
           RowShape<256, 64, 2>(), RowShape<512, 64, 1>(), RowShape<512, 98, 1>())) {
    return;
  }
  launch_stream(values, spec, out, stream);
}

template void softmax(float const*, SoftmaxSpec const&, EpilogueView const&, cudaStream_t);
template void softmax(__half const*, SoftmaxSpec const&, EpilogueView const&, cudaStream_t);
template void softmax(__nv_bfloat16 const*, SoftmaxSpec const&, EpilogueView const&, cudaStream_t);

} // namespace fod::cuda
