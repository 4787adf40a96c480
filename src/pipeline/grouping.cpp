#include "grouping.hpp"

#include "layer_codec.hpp"

#include "fod/group_engine.hpp"
#include "fod/layer_report.hpp"

namespace fod {

namespace {

AnalysisRequest request_of(Prepared const& job) {
  auto request = analysis_request(job.config.groups, job.machine.threads);
  if (job.machine.device.is_cuda) {
    request.engine = [](groups::MatrixView view) { return cuda_engine(view); };
  }
  return request;
}

} // namespace

std::vector<store::LayerSums> sums_of(Prepared const& job, LayerMoments& moments,
                                      Comm const& comm) {
  auto all = moments.reduce(comm, job.machine);
  std::vector<store::LayerSums> sums;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto const& watched = job.plan.groups.layers[i];
    sums.push_back({watched.layer.name, watched.layer.type, static_cast<std::int64_t>(i),
                    watched.pooling_text(), job.plan.groups.class_by, moments.left_out()[i],
                    moments.unlabelled(), std::move(all[i])});
  }
  return sums;
}

GroupFindings find_groups(Prepared const& job, LayerMoments& moments, Comm const& comm) {
  GroupFindings findings;
  findings.sums = sums_of(job, moments, comm);
  auto const request = request_of(job);
  findings.notes = notes_on(findings.sums);
  std::vector<store::LayerGroups> mine;
  comm.agree([&] {
    for (std::size_t i = 0; i < findings.sums.size(); ++i) {
      if (LayerMoments::owner_of(i, comm) == comm.rank()) {
        mine.push_back(groups_of(findings.sums[i], request));
      }
      if (!comm.is_root()) {
        findings.sums[i].moments = Moments();
      }
    }
  });
  findings.layers.resize(findings.sums.size());
  for (auto const& of_rank : comm.all_gather(encode_layers(mine))) {
    for (auto& layer : decode_layers(of_rank)) {
      auto const at = static_cast<std::size_t>(layer.index);
      findings.layers[at] = std::move(layer);
    }
  }
  number_groups(findings.layers);
  return findings;
}

void write_groups(h5::File& file, Prepared const& job, GroupFindings const& findings) {
  auto const& asked = job.config.groups;
  KeepSums const keep{asked.keep_correlation, asked.keep_moments || job.plan.layout.is_part()};
  write_findings(file, findings.layers, findings.sums, keep, job.machine.threads);
  if (findings.events) {
    findings.events->write(file);
  }
}

std::vector<std::string> summary_of(GroupFindings const& findings) {
  auto lines = summary_of(findings.layers);
  if (findings.events) {
    lines.push_back(findings.events->summary());
  }
  lines.insert(lines.end(), findings.notes.begin(), findings.notes.end());
  return lines;
}

} // namespace fod
