#include "kernels/sides.cuh"

#include "epilogue_shapes.hpp"

#include "kernels/softmax.cuh"

namespace bench {

namespace {

using namespace fod::cuda;

std::string text(std::initializer_list<int> numbers) {
  std::string all;
  for (auto const number : numbers) {
    all += all.empty() ? "" : ",";
    all += std::to_string(number);
  }
  return all;
}

template <int Lanes, int Values, int Groups, int Buffers, int Blocks>
Shape tiles() {
  using Tiles = TileShape<Lanes, Values, Groups, Buffers, Blocks>;
  return {"tiles<" + text({Lanes, Values, Groups, Buffers, Blocks}) + ">", Tiles::most_classes,
          launch_tiles<Tiles, float>};
}

template <int Threads, int Values, int Blocks>
Shape rows() {
  using Rows = RowShape<Threads, Values, Blocks>;
  return {"rows<" + text({Threads, Values, Blocks}) + ">", std::int64_t{Threads} * Values,
          launch_rows<Rows, float>};
}

/// As good as random.
__device__ float noise(std::int64_t at) {
  auto bits = static_cast<std::uint64_t>(at) * 0x9e3779b97f4a7c15ULL + 1;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ULL;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebULL;
  bits ^= bits >> 31;
  float sum = 0;
  for (int part = 0; part < 64; part += 16) {
    sum += static_cast<float>((bits >> part) & 0xffffU) / 65536 - 0.5F;
  }
  return sum * 5;
}

template <class T>
__global__ void fill_kernel(T* values, std::int64_t count) {
  auto const step = std::int64_t{gridDim.x} * blockDim.x;
  for (auto at = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; at < count; at += step) {
    values[at] = static_cast<T>(noise(at));
  }
}

__global__ void differences_kernel(unsigned char const* a, unsigned char const* b,
                                   std::int64_t bytes, unsigned long long* found) {
  auto const step = std::int64_t{gridDim.x} * blockDim.x;
  unsigned long long mine = 0;
  for (auto at = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; at < bytes; at += step) {
    mine += a[at] != b[at] ? 1 : 0;
  }
  if (mine > 0) {
    atomicAdd(found, mine);
  }
}

constexpr int blocks = 4096;
constexpr int threads = 256;

} // namespace

std::vector<Shape> shapes() {
  return {
      tiles<1, 2, 8, 2, 12>(),
      tiles<1, 2, 16, 2, 12>(),
      tiles<1, 2, 8, 1, 16>(),
      tiles<1, 2, 4, 2, 12>(),
      tiles<1, 4, 1, 2, 12>(),
      tiles<1, 4, 4, 2, 12>(),
      tiles<1, 4, 4, 1, 12>(),
      tiles<1, 4, 8, 2, 10>(),
      tiles<1, 8, 1, 2, 12>(),
      tiles<1, 8, 2, 2, 10>(),
      tiles<1, 8, 2, 1, 12>(),
      tiles<1, 8, 4, 2, 10>(),
      tiles<1, 8, 4, 1, 10>(),
      tiles<1, 16, 1, 2, 10>(),
      tiles<1, 16, 1, 1, 10>(),
      tiles<1, 16, 2, 2, 9>(),
      tiles<1, 16, 2, 1, 9>(),
      tiles<1, 32, 1, 2, 8>(),
      tiles<1, 32, 1, 1, 8>(),
      tiles<1, 32, 2, 1, 7>(),
      tiles<1, 64, 1, 1, 4>(),
      tiles<2, 8, 2, 2, 10>(),
      tiles<2, 16, 1, 2, 9>(),
      tiles<2, 16, 1, 1, 9>(),
      tiles<2, 32, 1, 2, 7>(),
      tiles<2, 32, 1, 1, 7>(),
      tiles<4, 8, 2, 2, 10>(),
      tiles<4, 16, 1, 2, 9>(),
      tiles<4, 16, 2, 2, 9>(),
      tiles<4, 32, 1, 2, 7>(),
      tiles<4, 32, 1, 1, 7>(),
      tiles<8, 16, 1, 2, 9>(),
      tiles<8, 16, 2, 2, 9>(),
      tiles<8, 32, 1, 2, 7>(),
      tiles<8, 32, 1, 1, 7>(),
      tiles<16, 16, 1, 2, 9>(),
      tiles<16, 32, 1, 2, 7>(),
      tiles<16, 32, 1, 1, 7>(),
      tiles<32, 8, 1, 2, 10>(),
      tiles<32, 16, 1, 2, 9>(),
      tiles<32, 32, 1, 2, 7>(),
      tiles<32, 32, 1, 1, 7>(),
      tiles<32, 40, 1, 1, 6>(),
      tiles<32, 64, 1, 1, 4>(),
      rows<64, 16, 16>(),
      rows<128, 8, 12>(),
      rows<128, 16, 8>(),
      rows<128, 32, 7>(),
      rows<256, 8, 7>(),
      rows<256, 16, 5>(),
      rows<256, 32, 4>(),
      rows<256, 40, 3>(),
      rows<256, 64, 2>(),
      rows<512, 8, 3>(),
      rows<512, 20, 2>(),
      rows<512, 32, 2>(),
      rows<512, 64, 1>(),
      rows<512, 98, 1>(),
      rows<1024, 12, 1>(),
      rows<1024, 32, 1>(),
      {"stream", std::int64_t{1} << 20,
       [](float const* values, SoftmaxSpec const& spec, fod::EpilogueView const& out,
          cudaStream_t stream) {
         launch_stream(values, spec, out, stream);
         return true;
       }},
  };
}

void fill(float* values, std::int64_t count, cudaStream_t stream) {
  fill_kernel<<<blocks, threads, 0, stream>>>(values, count);
}

void fill(__half* values, std::int64_t count, cudaStream_t stream) {
  fill_kernel<<<blocks, threads, 0, stream>>>(values, count);
}

void count_differences(void const* a, void const* b, std::int64_t bytes, unsigned long long* found,
                       cudaStream_t stream) {
  differences_kernel<<<blocks, threads, 0, stream>>>(
      static_cast<unsigned char const*>(a), static_cast<unsigned char const*>(b), bytes, found);
}

} // namespace bench
