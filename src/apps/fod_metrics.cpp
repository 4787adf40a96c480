#include "fod_metrics.hpp"

#include "fod.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace fod::app {

namespace {

using metrics::ConformalMethod;

struct Options {
  std::string path;
  metrics::Request request;
  std::vector<std::string> conformal;
  std::size_t top = 12;
  bool json = false;
};

std::vector<ConformalMethod> methods_of(std::vector<std::string> const& names) {
  std::vector<ConformalMethod> chosen;
  for (auto const method : {ConformalMethod::lac, ConformalMethod::aps, ConformalMethod::raps}) {
    bool const named = std::any_of(names.begin(), names.end(), [&](std::string const& name) {
      return name == "all" || name == metrics::name_of(method);
    });
    if (named) {
      chosen.push_back(method);
    }
  }
  return chosen;
}

/// Written so that NaN is refused too.
void require(bool right, std::string const& flag, double value, std::string const& expected) {
  if (!right) {
    throw bad_input(flag + " is " + nlohmann::json(value).dump(), expected + " is needed",
                    "`fod metrics --help` explains it");
  }
}

void check(metrics::Request const& request) {
  auto const& conformal = request.conformal;
  auto const share = [](double value) { return value > 0 && value < 1; };
  require(share(conformal.alpha), "--alpha", conformal.alpha, "a share above 0 and below 1");
  require(share(conformal.calibration), "--calibration", conformal.calibration,
          "a share above 0 and below 1");
  require(conformal.lambda >= 0 && conformal.lambda <= 1e6, "--lambda", conformal.lambda,
          "a number from 0");
  require(request.tolerance >= 0 && request.tolerance <= 1, "--tolerance", request.tolerance,
          "a number from 0 to 1");
  auto const radius = request.radius.value_or(0);
  require(radius >= 0 && radius <= 1, "--radius", radius,
          "a total variation distance, from 0 to 1,");
}

ExitCode tell(Options const& options) {
  auto request = options.request;
  request.conformal.methods = methods_of(options.conformal);
  check(request);
  request.threads = threads_or_cores(request.threads);
  auto const report = metrics::measure(open_result(options.path), request);
  print(options.json ? as_json(report) : as_table(report, options.top));
  return ExitCode::done;
}

void add_credal(CLI::App& flags, metrics::Request& request) {
  flags.add_flag("--members", request.members,
                 "The credal sets that the members of the file's ensemble span: intervals and "
                 "convex hull");
  flags.add_option("--lower", request.lower,
                   "Lower probabilities (N,K) of credal sets, x.npy or x.h5:/path");
  flags.add_option("--upper", request.upper, "Upper probabilities (N,K)");
  flags.add_option("--vertices", request.vertices,
                   "Vertices (N,V,K) of credal sets, x.npy or x.h5:/path");
  flags.add_option("--radius", request.radius,
                   "Total variation balls of this radius around the predictions");
  flags
      .add_option("--tolerance", request.tolerance,
                  "How far outside of a set a truth may be and count as covered")
      ->capture_default_str();
}

void add_conformal(CLI::App& flags, Options& options) {
  auto& request = options.request.conformal;
  flags
      .add_option("--conformal", options.conformal,
                  "Split conformal sets: lac, aps, raps, or all; repeat for several")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"lac", "aps", "raps", "all"}));
  flags.add_option("--alpha", request.alpha, "Share of sets that may miss the label")
      ->capture_default_str();
  flags
      .add_option("--calibration", request.calibration,
                  "Share of the samples that settle the threshold; which, is decided by sample "
                  "id and seed alone")
      ->capture_default_str();
  flags.add_option("--seed", request.seed, "Of the split, and of randomized scores")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  flags.add_flag("--randomized", request.randomized,
                 "APS and RAPS count a random part of the class's own probability, as in their "
                 "papers; without it, all of it");
  flags.add_option("--lambda", request.lambda, "RAPS: penalty per rank beyond --k-reg")
      ->capture_default_str();
  flags.add_option("--k-reg", request.k_reg, "RAPS: ranks without a penalty")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
      ->capture_default_str();
}

} // namespace

Command add_metrics(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  options->request.threads = 0;
  auto* const flags = program.add_subcommand(
      "metrics", "Say how good the distributions of a result file are: scores, calibration, "
                 "uncertainty; against true distributions; credal and conformal sets");
  flags->add_option("file", options->path, "Result file R.h5")->required();
  flags->add_option("--labels", options->request.labels,
                    "Labels for a file that has none, or other ones: class indices (N,) or counts "
                    "(N,K)");
  flags->add_option("--bins", options->request.bins, "Bins of calibration figures")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{10000}))
      ->capture_default_str();
  flags->add_option("--truth", options->request.truth,
                    "True distributions: a result file or JSON (matched by sample id), an array "
                    "(N,K) of probabilities or counts, or the word counts: those of the labels");
  add_credal(*flags, options->request);
  add_conformal(*flags, *options);
  flags->add_option("--top", options->top, "Classes to list")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1000000}))
      ->capture_default_str();
  flags
      ->add_option("--threads", options->request.threads,
                   "Threads; 0: as many as there are cores. No figure depends on them")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  flags->add_flag("--json", options->json, "Print one JSON object; what is not known is null");
  return {flags, "fod metrics R.h5 --truth counts --conformal all --alpha 0.1",
          [options] { return tell(*options); }};
}

} // namespace fod::app
