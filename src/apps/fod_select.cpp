#include "fod_select.hpp"

#include "fod.hpp"
#include "fod_table.hpp"

#include "fod/output_file.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

namespace fod::app {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string path;
  std::string out;
  std::vector<std::string> exclude;
  SelectRequest what{Criterion::entropy, "entropy", 10, false, false, {}, {}};
  bool labelled = false;
  bool unlabelled = false;
  bool overwrite = false;
  bool table = false;
  bool json = false;
};

std::map<std::string, Criterion> const criteria{{"entropy", Criterion::entropy},
                                                {"epistemic", Criterion::epistemic},
                                                {"margin", Criterion::margin},
                                                {"confidence", Criterion::confidence},
                                                {"disagreement", Criterion::disagreement}};

std::string text_of(std::vector<Chosen> const& chosen) {
  std::string text;
  for (auto const& sample : chosen) {
    text += std::to_string(sample.id) + "\n";
  }
  return text;
}

std::vector<std::string> notes_on(Selection const& selection, SelectRequest const& request) {
  std::vector<std::string> notes;
  auto const there = std::ssize(selection.chosen);
  if (request.per_class && selection.short_classes > 0) {
    notes.push_back(counted(selection.short_classes, "class") + " predicted for fewer than " +
                    grouped(static_cast<std::int64_t>(request.top)) +
                    " samples: all of those are given");
  } else if (!request.per_class && selection.chosen.size() < request.top) {
    notes.push_back(counted(static_cast<std::int64_t>(request.top), "sample") +
                    " were asked for, " + grouped(there) + " are there: all of them are given");
  }
  if (selection.bad_rows > 0) {
    notes.push_back(counted(selection.bad_rows, "sample") +
                    " left out, not finite or not readable");
  }
  if (selection.unknown > 0) {
    notes.push_back(grouped(selection.unknown) + " of the ids to be excluded " +
                    (selection.unknown == 1 ? "is" : "are") + " not in the file");
  }
  return notes;
}

std::string as_json(Options const& options, Selection const& selection,
                    std::vector<std::string> const& notes) {
  auto ids = Json::array();
  auto samples = Json::array();
  for (auto const& sample : selection.chosen) {
    ids.push_back(sample.id);
    samples.push_back(
        {{"id", sample.id}, {"score", sample.score}, {"prediction", sample.prediction}});
    if (selection.labels) {
      samples.back()["label"] = sample.label ? Json(*sample.label) : Json(nullptr);
    }
  }
  Json const document{{"path", options.path},
                      {"by", options.what.name},
                      {"top", options.what.top},
                      {"per_class", options.what.per_class},
                      {"least", options.what.least},
                      {"samples", selection.samples},
                      {"candidates", selection.candidates},
                      {"excluded", selection.excluded},
                      {"left_out", selection.bad_rows},
                      {"ids", ids},
                      {"selected", samples},
                      {"notes", notes}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_table(Options const& options, Selection const& selection) {
  std::vector<Row> rows{{"rank", "id", options.what.name, "prediction"}};
  if (selection.labels) {
    rows[0].emplace_back("label");
  }
  for (auto const& sample : selection.chosen) {
    rows.push_back({std::to_string(rows.size()), std::to_string(sample.id),
                    decimal(sample.score, 4), std::to_string(sample.prediction)});
    if (selection.labels) {
      rows.back().push_back(sample.label ? std::to_string(*sample.label) : "-");
    }
  }
  return options.path + ": " + grouped(std::ssize(selection.chosen)) + " of " +
         counted(selection.candidates, "sample") + " by " +
         (options.what.least ? "least useful " : "") + options.what.name + "\n\n" +
         with_heading(rows, "rrrrr");
}

enum class Form { text, npy, json };

Form form_of(std::string const& out) {
  if (out.ends_with(".npy")) {
    return Form::npy;
  }
  if (out.ends_with(".json")) {
    return Form::json;
  }
  if (!out.empty() && !out.ends_with(".txt")) {
    throw bad_input("cannot write ids to " + out, "its ending names no known format",
                    "end it in .txt, .npy or .json");
  }
  return Form::text;
}

std::vector<std::int64_t> all_excluded(std::vector<std::string> const& paths) {
  std::vector<std::int64_t> ids;
  for (auto const& path : paths) {
    auto const more = read_ids(path);
    ids.insert(ids.end(), more.begin(), more.end());
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

ExitCode select(Options options) {
  auto& request = options.what;
  request.by = criteria.at(request.name);
  if (options.labelled || options.unlabelled) {
    request.labelled = options.labelled;
  }
  auto const form = form_of(options.out);
  auto const reader = open_result(options.path);
  request.excluded = all_excluded(options.exclude);
  std::optional<json::Output> out;
  if (!options.out.empty()) {
    out.emplace(options.out, options.overwrite);
  }
  auto const selection = select_samples(reader, request);
  auto const notes = notes_on(selection, request);
  for (auto const& note : notes) {
    std::fprintf(stderr, "fod: %s\n", note.c_str());
  }
  if (out) {
    out->write(form == Form::npy    ? npy_of(selection.chosen)
               : form == Form::json ? as_json(options, selection, notes)
                                    : text_of(selection.chosen));
    out->sync();
    out->commit();
  }
  if (options.json) {
    print(as_json(options, selection, notes));
  } else if (options.table) {
    print(as_table(options, selection));
  } else if (out) {
    print(options.out + ": " + counted(std::ssize(selection.chosen), "id") + " of " +
          counted(selection.candidates, "sample") + ", by " + request.name + "\n");
  } else {
    print(text_of(selection.chosen));
  }
  return ExitCode::done;
}

} // namespace

Command add_select(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto& what = options->what;
  auto* const flags = program.add_subcommand(
      "select",
      "List the samples that are most worth a label, for active learning, the most useful first: "
      "highest entropy, epistemic uncertainty or disagreement, smallest margin between the two "
      "largest probabilities, lowest confidence. Ties go by id");
  flags->add_option("file", options->path, "Result file R.h5")->required();
  flags
      ->add_option("--by", what.name,
                   "What ranks them: entropy|epistemic|margin|confidence|disagreement")
      ->check(CLI::IsMember(criteria).description(""))
      ->capture_default_str();
  flags->add_option("--top", what.top, "How many samples")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  flags->add_flag("--per-class", what.per_class, "So many of each predicted class");
  flags->add_flag("--least", what.least, "The other end: the least useful first");
  flags
      ->add_option("--exclude", options->exclude,
                   "Ids to be left out: ids.txt, ids.npy or ids.json of earlier rounds. Repeat")
      ->allow_extra_args(false);
  auto* const labelled =
      flags->add_flag("--labelled", options->labelled, "Samples that have a label alone");
  flags->add_flag("--unlabelled", options->unlabelled, "Samples that have none alone")
      ->excludes(labelled);
  flags->add_option("--out", options->out,
                    "Write the ids to ids.txt, ids.npy (int64) or ids.json (with scores)");
  flags->add_flag("--overwrite", options->overwrite, "Replace an existing output");
  flags->add_flag("--table", options->table, "Print ids with scores, predictions and labels");
  flags->add_flag("--json", options->json, "Print one JSON object: ids, scores, predictions");
  return {flags, "fod select R.h5 --by margin --top 100 --exclude round1.txt --out round2.txt",
          [options] { return select(*options); }};
}

} // namespace fod::app
