#pragma once

#include "fod/ensemble_files.hpp"

#include <nlohmann/json.hpp>

/// Inside of the merge module: the files that become an ensemble.
namespace fod {

/// One of them, as far as it was looked at.
struct EnsembleInput {
  store::ResultReader reader;
  nlohmann::ordered_json provenance;
  std::string name;                ///< of its model, or the file's own
  bool named = false;              ///< true if the metadata name the model
  std::vector<double> weights;     ///< of its members, in the ensemble
  std::vector<std::int64_t> order; ///< its rows in the order of the first file's; empty: the same

  [[nodiscard]] store::Layout const& layout() const { return reader.layout(); }
  [[nodiscard]] std::string const& path() const { return reader.path(); }
  [[nodiscard]] std::int64_t members() const { return layout().members; }
};

/// The files in the order in which they were given. All are complete and hold the same samples.
/// @param notes is told what a user should know
/// @throws Error (usage)
std::vector<EnsembleInput> read_inputs(std::vector<std::string> const& paths,
                                       std::string const& out, EnsembleOptions const& options,
                                       std::vector<std::string>& notes);

/// Rows of the second file in the order of the first's; empty if they are in that order.
/// @throws Error (usage) unless both hold the same samples, and rows in another order are few
std::vector<std::int64_t> order_of(store::ResultReader const& first,
                                   store::ResultReader const& other);

/// The first file with labels; null without one.
EnsembleInput const* labelled(std::vector<EnsembleInput> const& inputs);

/// Layout of the file that they make.
store::Layout ensemble_layout(std::vector<EnsembleInput> const& inputs, bool keep_members);

/// Weights of all members, in order.
std::vector<double> all_weights(std::vector<EnsembleInput> const& inputs);

} // namespace fod
