#pragma once

#include "fod/store.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Inside of `fod info`: what is told about a file, and how.
namespace fod::app {

struct UncertainSample {
  std::int64_t id = 0;
  float entropy = 0;
  float confidence = 0;
  std::int32_t prediction = 0;
  std::optional<std::int64_t> label;
};

struct SectionInfo {
  std::string path;
  ElementType type = ElementType::float32;
  Shape shape;

  [[nodiscard]] std::int64_t bytes() const {
    return element_count(shape) * static_cast<std::int64_t>(size_of(type));
  }
};

/// All that `fod info` tells.
struct Inside {
  std::string path;
  bool complete = false;
  std::int64_t shard = 0;
  std::int64_t shards = 0; ///< 0: it is no shard
  std::int64_t blocks = 0;
  std::int64_t blocks_done = 0;
  std::int64_t samples = 0;
  std::int64_t samples_done = 0;
  IndexRange ids; ///< from the smallest to the largest, of what is done
  std::int64_t classes = 0;
  std::vector<SectionInfo> sections;
  bool labels = false;
  std::map<std::string, double> metrics;
  std::vector<std::int64_t> class_counts; ///< predictions per class
  std::vector<UncertainSample> most_uncertain;
  std::string meta; ///< canonical JSON
  nlohmann::ordered_json provenance;
};

/// Reads the rows' figures in one pass, without the distributions. A partial file's rows count as
/// far as they are done; rows marked as not finite are left out of the figures.
/// @param top how many of the most uncertain samples are wanted
Inside look_inside(store::ResultReader const& reader, std::size_t top);

/// For people.
std::string as_table(Inside const& inside);
/// One JSON object with stable keys.
std::string as_json(Inside const& inside);

} // namespace fod::app
