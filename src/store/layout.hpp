#pragma once

#include "fod/store.hpp"

/// Inside of the store module: the objects of a result file and the attributes that fix them.
namespace fod::store {

/// The datasets of a ledger: a mark per block, a checksum per block and section, and the names of
/// the sections.
inline std::string done_of(Ledger const& ledger) {
  return ledger.path + "/done";
}
inline std::string checksums_of(Ledger const& ledger) {
  return ledger.path + "/checksums";
}
/// Of each block: a digest of its input data, and how many samples went through the model at a
/// time. Of the first ledger alone.
inline std::string inputs_of(Ledger const& ledger) {
  return ledger.path + "/inputs";
}
inline std::string micro_batches_of(Ledger const& ledger) {
  return ledger.path + "/micro_batches";
}
inline bool is_first(Ledger const& ledger) {
  return ledger.path == "/ledger";
}
/// The numbers of a ledger.
std::vector<std::string> arrays_of(Ledger const& ledger);
inline std::string names_of(Ledger const& ledger) {
  return ledger.path + "/sections";
}

/// Shape of a section. A file without samples has no classes either: (0, 0).
Shape shape_of(Section const& section, Layout const& layout);
/// Creates the sections of a ledger, and itself without a mark.
void create_objects(h5::File& file, Layout const& layout, Ledger const& ledger);
/// The ledgers that a file has. @throws Error (usage) if the names of its sections are damaged
std::vector<Ledger> read_ledgers(h5::File const& file, Layout const& layout);
void write_layout(h5::File& file, Layout const& layout);
/// @throws Error (usage) if the attributes are missing, of another schema, or contradictory
Layout read_layout(h5::File const& file);

/// /meta, and /provenance from a JSON object: scalars become attributes, lists datasets.
void write_contents(h5::File& file, Contents const& contents);
void write_metrics(h5::File& file, Metrics const& metrics);

} // namespace fod::store
