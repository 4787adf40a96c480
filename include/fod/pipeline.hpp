#pragma once

#include "fod/comm.hpp"
#include "fod/config.hpp"
#include "fod/dataset.hpp"
#include "fod/model.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fod {

/// Objects of this process instead of what the Config would name, the same on all ranks.
struct Given {
  std::shared_ptr<InProcess const> model; ///< of `Config::models`, of which there is one
  std::shared_ptr<DataSource> data;       ///< null: `Config::data` names them
  std::shared_ptr<DataSource> labels;     ///< null: `Config::labels` names them, if any
};

/// The whole job: probe, plan, loop, result file. Collective; returns when the result is there.
/// @throws AgreedError on all ranks together when it cannot be done
void run_job(Config const& asked, Comm const& comm, Given const& given = {});

/// Rows of a job that writes no file.
struct CollectedRows {
  std::int64_t classes = 0;
  std::vector<std::int64_t> ids;
  std::vector<float> distributions; ///< (ids, classes)
};

/// Probe, plan and loop, the rows kept in memory: those of this rank's samples. Samples that could
/// not be read (`--skip-bad`) have none. Collective.
/// @param asked without `out` and all that goes into a file
/// @throws AgreedError on all ranks together when it cannot be done
CollectedRows collect_rows(Config const& asked, Comm const& comm, Given const& given = {});

/// Mean and rho of a Bayesian layer's parameter.
struct LayerPosterior {
  std::string name; ///< of the layer; with several pairs "encoder.fc1.weight"
  Parameter mu;
  Parameter rho;
};
/// Of the parameters `*mu` and `*rho` of the one model, which is loaded for it.
/// @throws Error (usage) if it has none
std::vector<LayerPosterior> posterior_of(Config const& asked, Given const& given = {});

} // namespace fod
