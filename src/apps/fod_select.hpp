#pragma once

#include "fod/store.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Inside of `fod select`: which samples, and how they are told.
namespace fod::app {

/// What makes a sample worth a label: high entropy, epistemic uncertainty or disagreement, a small
/// margin between the two largest probabilities, a low largest one (Settles, "Active Learning
/// Literature Survey", 2009, section 3).
enum class Criterion { entropy, epistemic, margin, confidence, disagreement };

struct SelectRequest {
  Criterion by = Criterion::entropy;
  std::string name;    ///< of the criterion
  std::size_t top = 0; ///< how many, of each predicted class with `per_class`
  bool per_class = false;
  bool least = false;                 ///< the other end
  std::optional<bool> labelled;       ///< samples with a label alone, or without one
  std::vector<std::int64_t> excluded; ///< ids, sorted, each once
};

struct Chosen {
  std::int64_t id = 0;
  double score = 0;
  std::int32_t prediction = 0;
  std::optional<std::int64_t> label; ///< if the file has it
};

/// What was chosen, the most useful first (ties by id), and of what.
struct Selection {
  std::vector<Chosen> chosen;
  bool labels = false;            ///< the file has some
  std::int64_t samples = 0;       ///< in the file
  std::int64_t candidates = 0;    ///< among which the choice was
  std::int64_t bad_rows = 0;      ///< left out: not finite, or not readable
  std::int64_t excluded = 0;      ///< left out: asked for
  std::int64_t unknown = 0;       ///< ids to be excluded that the file does not hold
  std::int64_t short_classes = 0; ///< with fewer than asked for, with `per_class`
};

/// Reads the rows once, in pieces; memory is that of what is chosen.
/// @throws Error (usage) if the file cannot tell what is asked for, saying why
Selection select_samples(store::ResultReader const& reader, SelectRequest const& request);

/// Ids of a file: .npy (integers), JSON (`fod select --json`, or an array) or text (one per line,
/// `#` begins a comment). Told apart by their content.
/// @throws Error (usage) naming the line or entry that is no id
std::vector<std::int64_t> read_ids(std::string const& path);

/// The bytes of an .npy file of these ids (int64).
std::string npy_of(std::vector<Chosen> const& chosen);

} // namespace fod::app
