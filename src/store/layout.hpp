#pragma once

#include "fod/store.hpp"

/// Inside of the store module: the objects of a result file and the attributes that fix them.
namespace fod::store {

inline constexpr char const* ledger_done = "/ledger/done";
inline constexpr char const* ledger_checksums = "/ledger/checksums";
inline constexpr char const* ledger_sections = "/ledger/sections";

/// Shape of a section. A file without samples has no classes either: (0, 0).
Shape shape_of(Section const& section, Layout const& layout);
/// Creates all sections and an empty ledger.
void create_objects(h5::File& file, Layout const& layout);
void write_layout(h5::File& file, Layout const& layout);
/// @throws Error (usage) if the attributes are missing, of another schema, or contradictory
Layout read_layout(h5::File const& file);

/// /meta, and /provenance from a JSON object: scalars become attributes, lists datasets.
void write_contents(h5::File& file, Contents const& contents);
void write_metrics(h5::File& file, Metrics const& metrics);

} // namespace fod::store
