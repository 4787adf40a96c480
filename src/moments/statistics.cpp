#include "fod/moments.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <thread>

namespace fod {

namespace {

__extension__ using Wide = __int128;

/// One half, or both as if they were one.
struct Sums {
  HalfMoments const* first;
  HalfMoments const* second; ///< may be null

  [[nodiscard]] std::int64_t count() const {
    return first->count + (second != nullptr ? second->count : 0);
  }
  [[nodiscard]] std::int64_t blocks() const {
    return first->blocks + (second != nullptr ? second->blocks : 0);
  }
  [[nodiscard]] bool has_high() const {
    auto const high = [](HalfMoments const* half) {
      return half != nullptr && !(half->products.high.empty() && half->sums.high.empty());
    };
    return high(first) || high(second);
  }
  [[nodiscard]] Wide sum(std::size_t i) const { return entry(&HalfMoments::sums, i); }
  [[nodiscard]] Wide product(std::size_t at) const { return entry(&HalfMoments::products, at); }

private:
  [[nodiscard]] Wide entry(FixedSums HalfMoments::*sums, std::size_t i) const {
    auto const of = [&](FixedSums const& from) {
      auto const high = from.high.empty() ? 0 : from.high[i];
      return Wide{from.low[i]} + Wide{high} * (Wide{1} << limb_bits);
    };
    return of(first->*sums) + (second != nullptr ? of(second->*sums) : Wide{0});
  }
};

/// N sum x'y' - sum x' sum y', in units of 2^(-2 bits), without rounding.
struct Exact {
  Wide weight; ///< N 2^bits

  [[nodiscard]] Wide operator()(Wide product, Wide sum_i, Wide sum_j) const {
    return weight * product - sum_i * sum_j;
  }
};

/// The same where 128 bits may not do.
struct Rounded {
  long double weight;

  [[nodiscard]] long double operator()(Wide product, Wide sum_i, Wide sum_j) const {
    return weight * static_cast<long double>(product) -
           static_cast<long double>(sum_i) * static_cast<long double>(sum_j);
  }
};

/// Calls `run(band)` for all bands on so many threads; what they write does not overlap.
template <class Run>
void in_parallel(std::int64_t bands, int threads, Run const& run) {
  std::atomic<std::int64_t> next{0};
  auto const work = [&] {
    for (auto band = next++; band < bands; band = next++) {
      run(band);
    }
  };
  std::vector<std::jthread> others;
  for (std::int64_t t = 1; t < std::min<std::int64_t>(threads, bands); ++t) {
    others.emplace_back(work);
  }
  work();
}

/// 1 / sqrt(covariance of a column with itself), 0 where that is no more than what rounding leaves.
template <class Covariance>
std::vector<double> inverse_spreads(Sums const& sums, std::int64_t width,
                                    Covariance const& covariance) {
  std::vector<double> inverse(static_cast<std::size_t>(width), 0);
  auto const weight = static_cast<double>(covariance.weight);
  for (std::int64_t i = 0; i < width; ++i) {
    auto const at = static_cast<std::size_t>(i);
    auto const sum = sums.sum(at);
    auto const square = sums.product(static_cast<std::size_t>(triangle_index(width, i, i)));
    auto const spread = static_cast<double>(covariance(square, sum, sum));
    // Each block rounds its sum and its square to half a unit, and the square of its mean to 53
    // bits.
    auto const mean = weight > 0 ? std::abs(static_cast<double>(sum)) / weight : 0;
    auto const noise = 4 * static_cast<double>(sums.blocks()) * (1 + mean) +
                       std::ldexp(static_cast<double>(square), -48);
    inverse[at] = spread > noise * weight ? 1 / std::sqrt(spread) : 0;
  }
  return inverse;
}

constexpr std::int64_t band_rows = 64;

template <class Covariance>
void correlate(Sums const& sums, std::int64_t width, Covariance const& covariance,
               std::vector<double> const& inverse, int threads, std::vector<double>& r) {
  auto const bands = (width + band_rows - 1) / band_rows;
  std::vector<Wide> column_sums;
  for (std::size_t i = 0; i < inverse.size(); ++i) {
    column_sums.push_back(sums.sum(i));
  }
  auto const rows_of = [&](std::int64_t band) { return std::min(width, (band + 1) * band_rows); };
  in_parallel(bands, threads, [&](std::int64_t band) {
    for (auto i = band * band_rows; i < rows_of(band); ++i) {
      auto const at = static_cast<std::size_t>(i);
      auto const first = static_cast<std::size_t>(triangle_index(width, i, i));
      auto* row = r.data() + i * width;
      for (auto j = at; j < inverse.size(); ++j) {
        auto const scaled = inverse[at] * inverse[j];
        auto const value = static_cast<double>(covariance(sums.product(first + (j - at)),
                                                          column_sums[at], column_sums[j])) *
                           scaled;
        row[j] = std::clamp(value, -1.0, 1.0);
      }
      row[i] = inverse[at] > 0 ? 1 : 0;
    }
  });
  // The lower triangle, in tiles that stay in the cache.
  in_parallel(bands, threads, [&](std::int64_t band) {
    for (std::int64_t other = 0; other <= band; ++other) {
      for (auto i = band * band_rows; i < rows_of(band); ++i) {
        for (auto j = other * band_rows; j < std::min(i, rows_of(other)); ++j) {
          r[static_cast<std::size_t>(i * width + j)] = r[static_cast<std::size_t>(j * width + i)];
        }
      }
    }
  });
}

template <class Covariance>
Statistics evaluate(Sums const& sums, MomentScale const& scale, Covariance const& covariance,
                    int threads) {
  auto const width = scale.width();
  auto const columns = static_cast<std::size_t>(width);
  Statistics all{std::vector<double>(columns), std::vector<double>(columns),
                 std::vector<double>(columns * columns)};
  auto const inverse = inverse_spreads(sums, width, covariance);
  auto const weight = static_cast<double>(covariance.weight);
  for (std::size_t i = 0; i < columns; ++i) {
    auto const mean = weight > 0 ? static_cast<double>(sums.sum(i)) / weight : 0;
    all.mean[i] = scale.shift[i] + mean / scale.scale[i];
    all.deviation[i] = inverse[i] > 0 ? 1 / (inverse[i] * weight * scale.scale[i]) : 0;
  }
  correlate(sums, width, covariance, inverse, threads, all.correlation);
  return all;
}

/// Calls `run` with the covariance that the range of the sums allows.
template <class Run>
auto with_covariance(Sums const& sums, int bits, Run const& run) {
  auto const count = sums.count();
  bool const fits =
      static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count))) + bits <= 62 && bits >= 0;
  if (fits && !sums.has_high()) {
    return run(Exact{Wide{count} << bits});
  }
  return run(Rounded{std::ldexp(static_cast<long double>(count), bits)});
}

Statistics statistics(Sums const& sums, MomentScale const& scale, int threads) {
  return with_covariance(sums, scale.bits, [&](auto const& covariance) {
    return evaluate(sums, scale, covariance, threads);
  });
}

} // namespace

Statistics statistics_of(HalfMoments const& half, MomentScale const& scale, int threads) {
  return statistics({&half, nullptr}, scale, threads);
}

Statistics statistics_of(Moments const& moments, int threads) {
  return statistics({moments.halves.data(), &moments.halves[1]}, moments.scale, threads);
}

std::vector<std::int64_t> dead_neurons(Moments const& moments) {
  Sums const sums{moments.halves.data(), &moments.halves[1]};
  auto const inverse = with_covariance(sums, moments.scale.bits, [&](auto const& covariance) {
    return inverse_spreads(sums, moments.width(), covariance);
  });
  std::vector<std::int64_t> dead;
  for (std::int64_t j = 0; j < moments.neurons; ++j) {
    auto const at = static_cast<std::size_t>(j);
    if (!(moments.smallest[at] < moments.largest[at]) || inverse[at] == 0) {
      dead.push_back(j);
    }
  }
  return dead;
}

} // namespace fod
