#include "image_resize.hpp"

#include "fod/shard.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace fod {

namespace {

/// Weights are fixed-point numbers with so many binary digits, and so are sums before rounding.
constexpr int digits = 32 - 8 - 2;
constexpr std::int32_t one_half = 1 << (digits - 1);

std::uint8_t rounded(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> digits, 0, 255));
}

/// To the nearest whole number, halves up.
std::int64_t half_up(double value) {
  return static_cast<std::int64_t>(std::floor(value + 0.5));
}

/// Which pixels of a line make up each pixel of the scaled line, and how much of each.
struct Filter {
  struct Taps {
    std::int64_t first;
    std::int64_t count;
  };
  std::int64_t most = 0; ///< taps of one pixel
  std::vector<Taps> taps;
  std::vector<std::int32_t> weights; ///< `most` for each pixel

  [[nodiscard]] std::int32_t const* weights_of(std::size_t pixel) const {
    return weights.data() + pixel * static_cast<std::size_t>(most);
  }
  /// Pixels of the line that are used.
  [[nodiscard]] IndexRange used() const {
    return taps.empty() ? IndexRange{}
                        : IndexRange{taps.front().first, taps.back().first + taps.back().count};
  }
};

/// A triangle as wide as two pixels of the coarser line.
/// @param wanted pixels of the scaled line
Filter make_filter(std::int64_t size, std::int64_t scaled, IndexRange wanted,
                   std::vector<double>& exact) {
  auto const scale = static_cast<double>(size) / static_cast<double>(scaled);
  auto const support = std::max(scale, 1.0);
  Filter filter;
  filter.most = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  filter.weights.resize(static_cast<std::size_t>(wanted.size() * filter.most));
  exact.resize(static_cast<std::size_t>(filter.most));
  for (auto pixel = wanted.begin; pixel < wanted.end; ++pixel) {
    auto const centre = (static_cast<double>(pixel) + 0.5) * scale;
    auto const begin = std::max<std::int64_t>(0, half_up(centre - support));
    auto const end = std::min(size, half_up(centre + support));
    double sum = 0;
    for (auto i = begin; i < end; ++i) {
      auto const distance = std::abs((static_cast<double>(i) - centre + 0.5) * (1.0 / support));
      auto& weight = exact[static_cast<std::size_t>(i - begin)];
      weight = distance < 1.0 ? 1.0 - distance : 0.0;
      sum += weight;
    }
    auto* weights = filter.weights.data() + (pixel - wanted.begin) * filter.most;
    for (std::int64_t i = 0; i < end - begin; ++i) {
      auto const share = exact[static_cast<std::size_t>(i)] / sum;
      weights[i] = static_cast<std::int32_t>(half_up(share * (1 << digits)));
    }
    filter.taps.push_back({begin, end - begin});
  }
  return filter;
}

/// One row across: its channels go to `planes`, each `plane` values after the one before.
template <std::size_t Channels>
void scale_row(std::uint8_t const* row, Filter const& filter, std::uint8_t* to, std::size_t plane) {
  for (std::size_t x = 0; x < filter.taps.size(); ++x) {
    auto const taps = filter.taps[x];
    auto const* weights = filter.weights_of(x);
    auto const* pixel = row + static_cast<std::size_t>(taps.first) * Channels;
    std::array<std::int32_t, Channels> sums{};
    sums.fill(one_half);
    for (std::int64_t i = 0; i < taps.count; ++i, pixel += Channels) {
      for (std::size_t c = 0; c < Channels; ++c) {
        sums[c] += weights[i] * pixel[c];
      }
    }
    for (std::size_t c = 0; c < Channels; ++c) {
      to[c * plane + x] = rounded(sums[c]);
    }
  }
}

/// The columns that are wanted of a row that keeps its width.
void part_row(std::uint8_t const* row, std::size_t channels, IndexRange columns, std::uint8_t* to,
              std::size_t plane) {
  auto const count = static_cast<std::size_t>(columns.size());
  row += static_cast<std::size_t>(columns.begin) * channels;
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t x = 0; x < count; ++x) {
      to[c * plane + x] = row[x * channels + c];
    }
  }
}

/// A row of the result from the rows around it, `stride` values apart.
void blend_rows(std::uint8_t const* rows, std::size_t stride, Filter const& filter,
                std::size_t line, std::span<std::uint8_t> to, std::vector<std::int32_t>& sums) {
  sums.assign(to.size(), one_half);
  auto const* weights = filter.weights_of(line);
  for (std::int64_t i = 0; i < filter.taps[line].count; ++i, rows += stride) {
    auto const weight = weights[i];
    for (std::size_t x = 0; x < to.size(); ++x) {
      sums[x] += weight * rows[x];
    }
  }
  std::transform(sums.begin(), sums.end(), to.begin(), rounded);
}

/// The part of `wanted` pixels at the centre that the image covers, in its own coordinates.
IndexRange covered(std::int64_t size, std::int64_t wanted) {
  auto const begin = centre_crop_begin(size, wanted);
  return {std::max<std::int64_t>(0, begin), std::min(size, begin + wanted)};
}

/// One image on its way.
class Scaling {
public:
  Scaling(Pixels const& image, ImageSize scaled, ImageSize wanted, ResizeMemory& memory)
      : image_(image), memory_(memory), scaled_(scaled), wanted_(wanted),
        columns_(covered(scaled.width, wanted.width)),
        lines_(covered(scaled.height, wanted.height)),
        across_(make_filter(image.size.width, scaled.width, columns_, memory.weights)),
        down_(make_filter(image.size.height, scaled.height, lines_, memory.weights)) {}

  void run(std::span<std::uint8_t> out) {
    if (columns_.size() < wanted_.width || lines_.size() < wanted_.height) {
      std::fill(out.begin(), out.end(), std::uint8_t{0});
    }
    auto const left = columns_.begin - centre_crop_begin(scaled_.width, wanted_.width);
    auto const top = lines_.begin - centre_crop_begin(scaled_.height, wanted_.height);
    auto* first = out.data() + top * wanted_.width + left;
    // Pillow's order since version 13. Before, it was always across first: then a few values differ
    // by one, for images more than twice as high as wide or scaled without regard to the aspect.
    auto const rows_less = image_.size.height - scaled_.height;
    auto const columns_less = image_.size.width - scaled_.width;
    if (rows_less > 0 && rows_less > 2 * columns_less) {
      down_then_across(first);
    } else {
      across_then_down(first);
    }
  }

private:
  [[nodiscard]] std::size_t stride() const {
    return static_cast<std::size_t>(image_.size.width) * image_.channels;
  }
  [[nodiscard]] std::uint8_t const* row(std::int64_t y) const {
    return image_.values.data() + static_cast<std::size_t>(y) * stride();
  }

  void scale_across(std::uint8_t const* from, std::uint8_t* to, std::size_t plane) const {
    if (scaled_.width == image_.size.width) {
      part_row(from, image_.channels, columns_, to, plane);
    } else if (image_.channels == 3) {
      scale_row<3>(from, across_, to, plane);
    } else {
      scale_row<1>(from, across_, to, plane);
    }
  }

  void across_then_down(std::uint8_t* out) {
    auto const rows = down_.used();
    auto const width = static_cast<std::size_t>(columns_.size());
    auto const plane = width * static_cast<std::size_t>(rows.size());
    memory_.rows.resize(plane * image_.channels);
    for (auto y = rows.begin; y < rows.end; ++y) {
      auto const at = static_cast<std::size_t>(y - rows.begin) * width;
      scale_across(row(y), memory_.rows.data() + at, plane);
    }
    for (std::size_t c = 0; c < image_.channels; ++c) {
      auto* to = out + static_cast<std::int64_t>(c) * wanted_.height * wanted_.width;
      for (std::size_t y = 0; y < down_.taps.size(); ++y, to += wanted_.width) {
        auto const first = static_cast<std::size_t>(down_.taps[y].first - rows.begin);
        auto const* from = memory_.rows.data() + c * plane + first * width;
        blend_rows(from, width, down_, y, {to, width}, memory_.sums);
      }
    }
  }

  void down_then_across(std::uint8_t* out) {
    memory_.rows.resize(stride());
    auto const plane = static_cast<std::size_t>(wanted_.height * wanted_.width);
    auto const used = across_.used();
    auto const begin = static_cast<std::size_t>(used.begin) * image_.channels;
    auto const blended =
        std::span(memory_.rows)
            .subspan(begin, static_cast<std::size_t>(used.size()) * image_.channels);
    for (std::size_t y = 0; y < down_.taps.size(); ++y, out += wanted_.width) {
      blend_rows(row(down_.taps[y].first) + begin, stride(), down_, y, blended, memory_.sums);
      scale_across(memory_.rows.data(), out, plane);
    }
  }

  Pixels const& image_;
  ResizeMemory& memory_;
  ImageSize scaled_;
  ImageSize wanted_;
  IndexRange columns_; ///< of the scaled image that are wanted
  IndexRange lines_;
  Filter across_;
  Filter down_;
};

} // namespace

void resize_and_crop(Pixels const& image, ImageSize scaled, ImageSize wanted,
                     std::span<std::uint8_t> out, ResizeMemory& memory) {
  Scaling(image, scaled, wanted, memory).run(out);
}

} // namespace fod
