#include "fod/pool.hpp"
#include "job_support.hpp"

#include <catch2/catch.hpp>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using fod::ActivationView;
using fod::ElementType;
using fod::Pooling;

namespace {

/// How the values of a sample lie in memory.
enum class Layout { channels_inner, positions_inner, strided };

ActivationView view_of(std::int64_t samples, std::int64_t channels, std::int64_t positions,
                       Layout layout) {
  ActivationView view;
  view.samples = samples;
  view.channels = channels;
  view.positions = positions;
  if (layout == Layout::channels_inner) {
    view.position_stride = channels;
    view.sample_stride = channels * positions;
  } else if (layout == Layout::positions_inner) {
    view.channel_stride = positions;
    view.position_stride = 1;
    view.sample_stride = channels * positions;
  } else {
    view.position_stride = 2;
    view.channel_stride = 2 * positions + 1;
    view.sample_stride = channels * view.channel_stride + 3;
  }
  return view;
}

template <class T>
std::vector<T> random_values(std::int64_t count) {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal(1, 2);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (auto& value : values) {
    value = static_cast<T>(normal(generator));
  }
  return values;
}

struct Pooled {
  std::vector<float> rows;
  std::vector<std::uint8_t> nonfinite;
};

template <class T>
std::vector<T> to_host(fod::Buffer const& buffer) {
  std::vector<T> values(buffer.bytes() / sizeof(T));
  if (!values.empty()) {
    if (cudaMemcpy(values.data(), buffer.data(), buffer.bytes(), cudaMemcpyDefault) !=
        cudaSuccess) { // no GPU: plain host memory
      std::memcpy(values.data(), buffer.data(), buffer.bytes());
    }
  }
  return values;
}

template <class T>
Pooled run(fod::Device const& device, std::vector<T> const& values, ActivationView view,
           Pooling pooling, int threads) {
  auto const input = job_support::on_device(device, values);
  view.values = input.data();
  auto const count = static_cast<std::size_t>(view.samples * view.neurons(pooling));
  auto const rows = job_support::on_device(device, std::vector<float>(count));
  auto const flags = job_support::on_device(
      device, std::vector<std::uint8_t>(static_cast<std::size_t>(view.samples), 2));
  if (device.is_cuda) {
    fod::cuda::pool(view, pooling, rows.as<float>().data(), flags.as<std::uint8_t>().data(),
                    fod::StreamView{});
  } else {
    fod::host::pool(view, pooling, rows.as<float>().data(), flags.as<std::uint8_t>().data(),
                    threads);
  }
  return {to_host<float>(rows), to_host<std::uint8_t>(flags)};
}

template <class T>
long double number_of(T value) {
  return static_cast<long double>(static_cast<float>(value));
}
long double number_of(double value) {
  return static_cast<long double>(value);
}

/// By the definitions, entry by entry.
template <class T>
void check_pooled(Pooled const& got, std::vector<T> const& values, ActivationView const& view,
                  Pooling pooling) {
  auto const neurons = view.neurons(pooling);
  auto const at = [&](std::int64_t s, std::int64_t c, std::int64_t p) {
    return number_of(values[static_cast<std::size_t>(
        s * view.sample_stride + c * view.channel_stride + p * view.position_stride)]);
  };
  for (std::int64_t s = 0; s < view.samples; ++s) {
    REQUIRE(got.nonfinite[static_cast<std::size_t>(s)] == 0);
    for (std::int64_t c = 0; c < view.channels; ++c) {
      long double sum = 0;
      long double largest = at(s, c, 0);
      for (std::int64_t p = 0; p < view.positions; ++p) {
        sum += at(s, c, p);
        largest = std::max(largest, at(s, c, p));
        if (pooling == Pooling::none) {
          auto const neuron = view.channels_last ? p * view.channels + c : c * view.positions + p;
          REQUIRE(got.rows[static_cast<std::size_t>(s * neurons + neuron)] ==
                  static_cast<float>(at(s, c, p)));
        }
      }
      auto const index = static_cast<std::size_t>(s * neurons + c);
      if (pooling == Pooling::mean) {
        auto const mean = static_cast<double>(sum / static_cast<long double>(view.positions));
        REQUIRE(static_cast<double>(got.rows[index]) == Approx(mean).epsilon(1e-7).margin(1e-12));
      } else if (pooling == Pooling::max) {
        REQUIRE(got.rows[index] == static_cast<float>(largest));
      }
    }
  }
}

template <class T>
void check_type(ElementType type) {
  for (auto const& device : job_support::devices()) {
    for (auto const layout : {Layout::channels_inner, Layout::positions_inner, Layout::strided}) {
      for (auto const channels : std::vector<std::int64_t>{1, 31, 33, 130}) {
        for (auto const positions : std::vector<std::int64_t>{1, 2, 15, 33, 100}) {
          for (auto const pooling : {Pooling::mean, Pooling::max, Pooling::none}) {
            auto view = view_of(5, channels, positions, layout);
            view.type = type;
            auto const values = random_values<T>(view.samples * view.sample_stride + 8);
            for (bool const channels_last : {false, true}) { // whatever the strides are
              view.channels_last = channels_last;
              auto const got = run(device, values, view, pooling, 2);
              check_pooled(got, values, view, pooling);
              REQUIRE(run(device, values, view, pooling, 3).rows == got.rows);
            }
          }
        }
      }
    }
  }
}

} // namespace

TEST_CASE("pooling float32 activations") {
  check_type<float>(ElementType::float32);
}

TEST_CASE("pooling float64 activations") {
  check_type<double>(ElementType::float64);
}

TEST_CASE("pooling half-precision activations") {
  check_type<__half>(ElementType::float16);
  check_type<__nv_bfloat16>(ElementType::bfloat16);
}

TEST_CASE("a sample with a NaN or an infinity is marked, and only that") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (auto const& device : job_support::devices()) {
    for (auto const layout : {Layout::channels_inner, Layout::positions_inner, Layout::strided}) {
      auto const view = view_of(4, 3, 40, layout);
      auto values = random_values<float>(view.samples * view.sample_stride + 8);
      auto const put = [&](std::int64_t sample, float value) {
        values[static_cast<std::size_t>(sample * view.sample_stride + view.channel_stride +
                                        37 * view.position_stride)] = value;
      };
      put(1, nan);
      put(3, infinity);
      for (auto const pooling : {Pooling::mean, Pooling::max, Pooling::none}) {
        auto const got = run(device, values, view, pooling, 1);
        CHECK(got.nonfinite == std::vector<std::uint8_t>{0, 1, 0, 1});
      }
      auto const largest = run(device, values, view, Pooling::max, 1);
      CHECK(std::isnan(largest.rows[4]));
      CHECK(largest.rows[10] == infinity);
      CHECK(std::isfinite(largest.rows[3]));
    }
  }
}

TEST_CASE("a float64 value that float32 cannot hold is marked") {
  for (auto const& device : job_support::devices()) {
    auto view = view_of(2, 2, 1, Layout::channels_inner);
    view.type = ElementType::float64;
    auto const got = run(device, std::vector<double>{1, 2, 1e300, 4}, view, Pooling::none, 1);
    CHECK(got.nonfinite == std::vector<std::uint8_t>{0, 1});
  }
}

TEST_CASE("activations that are no floating point numbers are refused") {
  auto view = view_of(1, 1, 1, Layout::channels_inner);
  view.type = ElementType::int64;
  CHECK_THROWS_WITH(run({}, std::vector<std::int64_t>{1}, view, Pooling::mean, 1),
                    Catch::Contains("a layer's activations are int64"));
}

TEST_CASE("rows become of length 1, but for rows of zeros") {
  for (auto const& device : job_support::devices()) {
    for (auto const neurons : std::vector<std::int64_t>{1, 31, 32, 33, 1000}) {
      auto values = random_values<float>(4 * neurons);
      std::fill_n(values.begin() + 2 * neurons, neurons, 0.0F);
      for (std::int64_t j = 0; j < neurons; ++j) {
        values[static_cast<std::size_t>(j)] *= 1e30F; // squares are beyond float32
      }
      auto const rows = job_support::on_device(device, values);
      if (device.is_cuda) {
        fod::cuda::l2_normalise(rows.as<float>().data(), 4, neurons, fod::StreamView{});
      } else {
        fod::host::l2_normalise(rows.as<float>().data(), 4, neurons, 2);
      }
      auto const got = to_host<float>(rows);
      for (std::size_t r = 0; r < 4; ++r) {
        long double squares = 0;
        for (std::size_t j = 0; j < static_cast<std::size_t>(neurons); ++j) {
          auto const x =
              static_cast<long double>(values[r * static_cast<std::size_t>(neurons) + j]);
          squares += x * x;
        }
        for (std::size_t j = 0; j < static_cast<std::size_t>(neurons); ++j) {
          auto const at = r * static_cast<std::size_t>(neurons) + j;
          auto const expected =
              r == 2
                  ? 0
                  : static_cast<double>(static_cast<long double>(values[at]) / std::sqrt(squares));
          REQUIRE(static_cast<double>(got[at]) == Approx(expected).epsilon(1e-6).margin(1e-30));
        }
      }
    }
  }
}
