#include "dispatch.cuh"
#include "fod/workers.hpp"
#include "pool.cuh"

#include <algorithm>

namespace fod::host {

namespace {

/// Channels that are pooled side by side where they are neighbours in memory.
constexpr std::int64_t strip = 64;
/// Independent sums where positions are neighbours, so that one need not wait for another.
constexpr std::int64_t ways = 16;

template <class Pool, class T>
void pool_neighbour_channels(T const* values, ActivationView const& view, float* out) {
  for (std::int64_t begin = 0; begin < view.channels; begin += strip) {
    auto const count = std::min(strip, view.channels - begin);
    Pool pools[strip];
    for (std::int64_t p = 0; p < view.positions; ++p) {
      T const* x = values + p * view.position_stride + begin;
      for (std::int64_t c = 0; c < count; ++c) {
        pools[c].take(static_cast<double>(row::widen(x[c])));
      }
    }
    for (std::int64_t c = 0; c < count; ++c) {
      out[begin + c] = pools[c].result(view.positions);
    }
  }
}

void merge(row::Mean& to, row::Mean const& from) {
  to.sum += from.sum;
}
void merge(row::Max& to, row::Max const& from) {
  to.take(from.largest);
}

template <class Pool, class T>
float pool_neighbour_positions(T const* values, std::int64_t positions) {
  Pool pools[ways];
  std::int64_t p = 0;
  for (; p + ways <= positions; p += ways) {
    for (std::int64_t way = 0; way < ways; ++way) {
      pools[way].take(static_cast<double>(row::widen(values[p + way])));
    }
  }
  for (; p < positions; ++p) {
    pools[p % ways].take(static_cast<double>(row::widen(values[p])));
  }
  for (std::int64_t way = 1; way < ways; ++way) {
    merge(pools[0], pools[way]);
  }
  return pools[0].result(positions);
}

template <class Pool, class T>
void pool_sample(T const* values, ActivationView const& view, float* out) {
  if (view.channel_stride == 1 && view.positions > 1) {
    pool_neighbour_channels<Pool>(values, view, out);
    return;
  }
  for (std::int64_t c = 0; c < view.channels; ++c) {
    T const* x = values + c * view.channel_stride;
    out[c] = view.position_stride == 1
                 ? pool_neighbour_positions<Pool>(x, view.positions)
                 : row::pool<Pool>(x, view.positions, view.position_stride, row::Alone());
  }
}

template <class T>
void keep_positions(T const* values, ActivationView const& view, float* out) {
  auto const outer = view.channels_last ? view.positions : view.channels;
  auto const inner = view.channels_last ? view.channels : view.positions;
  auto const outer_stride = view.channels_last ? view.position_stride : view.channel_stride;
  auto const inner_stride = view.channels_last ? view.channel_stride : view.position_stride;
  for (std::int64_t i = 0; i < outer; ++i) {
    for (std::int64_t j = 0; j < inner; ++j) {
      *out++ = static_cast<float>(row::widen(values[i * outer_stride + j * inner_stride]));
    }
  }
}

} // namespace

void pool(ActivationView const& view, Pooling pooling, float* out, std::uint8_t* nonfinite,
          int threads) {
  auto const neurons = view.neurons(pooling);
  row::check_poolable(view.type);
  row::with_type(view.values, view.type, [&](auto const* values) {
    Workers::shared(threads)->run(view.samples, [&](std::int64_t sample, int /*thread*/) {
      auto const* x = values + sample * view.sample_stride;
      float* const to = out + sample * neurons;
      if (pooling == Pooling::mean) {
        pool_sample<row::Mean>(x, view, to);
      } else if (pooling == Pooling::max) {
        pool_sample<row::Max>(x, view, to);
      } else {
        keep_positions(x, view, to);
      }
      bool finite = true;
      for (std::int64_t j = 0; j < neurons; ++j) {
        finite = finite & row::is_finite(to[j]);
      }
      nonfinite[sample] = finite ? 0 : 1;
    });
  });
}

void l2_normalise(float* rows, std::int64_t count, std::int64_t neurons, int threads) {
  Workers::shared(threads)->run(count, [&](std::int64_t r, int /*thread*/) {
    row::l2_normalise(rows + r * neurons, neurons, row::Alone());
  });
}

} // namespace fod::host
