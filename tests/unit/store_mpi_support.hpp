#pragma once

#include "fod/comm.hpp"
#include "fod/store.hpp"
#include "temporary_folder.hpp"

#include <optional>
#include <string>

/// Result files of tests on several ranks.

inline fod::store::Contents const contents{R"({"model_name": null})", R"({"program": "test"})"};

inline bool everywhere(fod::Comm const& comm, bool verdict) {
  return comm.all_min(verdict ? 1 : 0) > 0.5;
}

inline fod::store::Layout layout_of(std::int64_t samples) {
  fod::store::Layout layout;
  layout.grid = fod::BlockGrid(samples, 4);
  layout.blocks = {0, layout.grid.block_count()};
  layout.classes = 2;
  layout.uncertainty = false;
  return layout;
}

/// A folder that all ranks know, and that goes with rank 0.
struct SharedFolder {
  explicit SharedFolder(fod::Comm const& comm) {
    if (comm.is_root()) {
      own.emplace();
    }
    path = comm.broadcast(own ? *own / "" : std::string());
  }
  std::optional<TemporaryFolder> own;
  std::string path;
};
