#include "fod/ensemble_files.hpp"

#include "contents.hpp"
#include "ensemble_contents.hpp"
#include "ensemble_rows.hpp"

#include "fod/checksum.hpp"
#include "fod/comm.hpp"
#include "fod/output_claim.hpp"
#include "fod/totals_by_parts.hpp"
#include "fod/workers.hpp"

#include <chrono>
#include <iostream>

namespace fod {

EnsembleReport ensemble_files(std::vector<std::string> const& inputs, std::string const& out,
                              EnsembleOptions const& options) {
  auto const start = std::chrono::steady_clock::now();
  EnsembleReport report;
  auto const files = read_inputs(inputs, out, options, report.notes);
  store::OutputClaim const claim(out, {options.overwrite, false, is_of_a_merge});
  for (auto const& note : claim.notes()) {
    std::cerr << "fod: " << note << std::endl;
  }
  auto const layout = ensemble_layout(files, options.keep_members);
  auto writer =
      store::ResultWriter::create(out, layout, ensemble_contents(files, layout, {}), Comm::alone());
  try {
    join_rows(files, layout, writer, options.progress);
    auto const threads = usable_cores();
    TotalsByParts by_parts(layout, 1, threads);
    writer.end_pass(by_parts.visitors());
    auto const totals = by_parts.joined();
    auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start);
    EnsembleFacts const facts{totals.metrics(), checksum_text(totals.input_digest()),
                              seconds.count()};
    writer.finish(ensemble_contents(files, layout, facts), facts.metrics);
    report.metrics = facts.metrics;
  } catch (...) {
    store::discard_partial(out); // it begins anew
    throw;
  }
  report.samples = layout.samples();
  report.classes = layout.classes;
  report.members = members_of(files);
  report.left_out = left_out_of(files);
  return report;
}

} // namespace fod
