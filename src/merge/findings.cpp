#include "findings.hpp"

#include "fod/comm.hpp"
#include "fod/error.hpp"
#include "fod/group_activity.hpp"
#include "fod/group_settings.hpp"
#include "fod/layer_report.hpp"

#include <algorithm>

namespace fod {

namespace {

/// Rows between two savings: marks of blocks are kept in memory until then.
constexpr std::int64_t checkpoint_samples = std::int64_t{1} << 22;

/// Adds the moments of a file, layer by layer.
void add_sums(std::vector<store::LayerSums>& all, Part const& part, bool first) {
  store::ResultReader const reader(part.path);
  auto const layers = store::layers_with_sums(reader.file());
  if (layers.empty()) {
    throw bad_input(part.path + " holds no moments of its layers",
                    "a job over all samples keeps them only if asked to",
                    "use the file as it is, or make it again with --keep-moments");
  }
  auto const require = [&](bool fits) {
    if (!fits) {
      throw bad_input(part.path + " is damaged", "its moments are not of the layers of the others",
                      "make it again, or restore it from a backup");
    }
  };
  require(first || layers.size() == all.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto more = store::read_sums(reader.file(), layers[i]);
    if (first) {
      all.push_back(std::move(more));
      continue;
    }
    auto& sums = all[i];
    require(sums.layer == more.layer && sums.moments.neurons == more.moments.neurons &&
            sums.moments.appended == more.moments.appended &&
            sums.moments.classes == more.moments.classes &&
            sums.moments.scale == more.moments.scale);
    sums.moments.add(more.moments);
    sums.left_out += more.left_out;
    sums.unlabelled += more.unlabelled;
  }
}

std::string second_pass_names(LayerRequest const& asked) {
  std::string names = asked.patterns ? "--group-patterns" : "";
  if (asked.events()) {
    names += std::string(names.empty() ? "" : " and ") + "the events";
  }
  return names;
}

/// Reads again what users say of the samples.
void open_annotations(MergedFindings& findings, store::Layout const& layout, std::int64_t samples) {
  try {
    findings.annotations = std::make_unique<Annotations>(findings.asked, samples);
    findings.events =
        std::make_unique<EventRecorder>(*findings.annotations, findings.layers, layout.samples());
  } catch (Error const& error) {
    findings.left_out.push_back("the events, since what they follow from cannot be read again: " +
                                std::string(error.what()));
  }
}

} // namespace

std::vector<std::string> MergedFindings::notes() const {
  auto lines = summary_of(layers);
  if (events) {
    lines.push_back(events->summary());
  }
  auto const more = notes_on(sums);
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

MergedFindings find_groups(std::vector<Part> const& parts, int threads) {
  MergedFindings findings;
  findings.asked = group_request(parts[0].settings);
  if (findings.asked.layers.empty()) {
    return findings;
  }
  for (auto const& part : parts) {
    add_sums(findings.sums, part, &part == parts.data());
  }
  auto const request = analysis_request(findings.asked, threads);
  for (auto& sums : findings.sums) {
    sums.moments.canonicalise();
    findings.layers.push_back(groups_of(sums, request));
  }
  number_groups(findings.layers);
  return findings;
}

void describe_activity(MergedFindings& findings, store::Layout const& layout, std::int64_t samples,
                       store::ResultWriter& writer, int threads) {
  auto const& asked = findings.asked;
  if (!asked.second_pass()) {
    return;
  }
  if (!asked.keep_activations) {
    findings.left_out.push_back(second_pass_names(asked) +
                                ", since the activations were not kept (--keep-activations)");
    return;
  }
  if (asked.events()) {
    open_annotations(findings, layout, samples);
  }
  auto const sections =
      asked.patterns ? center_sections(findings.layers) : std::vector<store::Section>();
  if (sections.empty() && !findings.events) {
    return;
  }
  writer.begin_second_pass(sections);
  auto const batch = layout.grid.batch_size();
  ActivitySink sink(findings.layers, layout.samples(), sections.empty() ? nullptr : &writer,
                    findings.events.get());
  KeptActivity kept(findings.layers, layout.samples(), batch, threads);
  std::int64_t since = 0;
  for (auto block = layout.blocks.begin; block < layout.blocks.end; ++block) {
    auto const of_block = layout.grid.samples_of(block);
    sink.begin_block(true);
    for (auto begin = of_block.begin; begin < of_block.end; begin += batch) {
      kept.run({begin, std::min(of_block.end, begin + batch)}, writer, sink);
    }
    sink.end_block(block, of_block);
    since += of_block.size();
    if (since >= checkpoint_samples) {
      writer.checkpoint();
      since = 0;
    }
  }
  if (findings.events) {
    findings.events->finish(findings.layers, Comm::alone());
  }
}

void write_findings(h5::File& file, MergedFindings const& findings, store::Layout const& layout,
                    int threads) {
  KeepSums const keep{findings.asked.keep_correlation,
                      findings.asked.keep_moments || layout.is_part()};
  write_findings(file, findings.layers, findings.sums, keep, threads);
  if (findings.events) {
    findings.events->write(file);
  }
}

} // namespace fod
