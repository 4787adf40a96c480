#include "fod/config.hpp"
#include "fod/error.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>

namespace {

fod::Config parse(std::vector<char const*> words) {
  std::vector<char const*> all{"fod-generate", "--model", "m.pt", "--data",
                               "x.npy",        "--out",   "r.h5"};
  all.insert(all.end(), words.begin(), words.end());
  std::optional<fod::Answer> answer;
  return fod::parse_command_line(static_cast<int>(all.size()), all.data(), answer);
}

std::string complaint(std::vector<char const*> const& words) {
  try {
    parse(words);
  } catch (fod::Error const& error) {
    CHECK(error.code() == fod::ExitCode::usage);
    return error.what();
  }
  return {};
}

} // namespace

TEST_CASE("flags fill the configuration, with the documented defaults") {
  auto const plain = parse({});
  CHECK(plain.batch_size == 64);
  CHECK(plain.output_mode == fod::OutputMode::automatic);
  CHECK(plain.max_samples == -1);
  CHECK_FALSE(plain.range.has_value());
  CHECK_FALSE(plain.model_name.has_value());
  CHECK(plain.stall_timeout == 300);
  auto const full =
      parse({"--data",  "b=y.npy",       "--input",     "b,data",       "--output-mode",
             "sigmoid", "--batch-size",  "7",           "--range",      "10:20",
             "--meta",  "a=1",           "--meta",      "auto",         "--model-name",
             "m",       "--no-progress", "--normalize", "mean=0,std=1", "--stall-timeout",
             "12.5"});
  CHECK(full.data == std::vector<std::string>{"x.npy", "b=y.npy"});
  CHECK(full.inputs == std::vector<std::string>{"b", "data"});
  CHECK(full.output_mode == fod::OutputMode::sigmoid);
  CHECK(full.batch_size == 7);
  CHECK(full.range == fod::IndexRange{10, 20});
  CHECK(full.meta == std::vector<std::string>{"a=1", "auto"});
  CHECK(full.model_name == "m");
  CHECK(full.progress == false);
  CHECK(full.stall_timeout == 12.5);
}

TEST_CASE("a misspelt flag is answered with the nearest one") {
  CHECK_THAT(complaint({"--bath-size", "3"}), Catch::Contains("unknown flag --bath-size") &&
                                                  Catch::Contains("did you mean --batch-size?"));
  CHECK_THAT(complaint({"--bath-size=3"}), Catch::Contains("did you mean --batch-size?"));
  CHECK_THAT(complaint({"--batch-size", "zero"}), Catch::Contains("--batch-size"));
  CHECK_THAT(complaint({"--batch-size", "0"}), Catch::Contains("--batch-size"));
  CHECK_THAT(complaint({"--output-mode", "softmax"}),
             Catch::Contains("--output-mode has no value 'softmax' (there are auto, logits, "
                             "positive, probs, sigmoid): give one of these"));
  CHECK_THAT(complaint({"--precision", "fp8"}),
             Catch::Contains("--precision has no value 'fp8' (there are bf16, fp16, fp32, tf32): "
                             "did you mean 'fp16'?"));
  CHECK_THAT(complaint({"--stall-timeout", "0.05"}), Catch::Contains("--stall-timeout"));
}

TEST_CASE("a TOML file gives flags, the command line wins, unknown keys are refused") {
  TemporaryFolder const folder;
  auto const path = folder / "job.toml";
  std::ofstream(path) << "batch-size = 32\nmodel-name = \"from file\"\noverwrite = true\n"
                         "meta = [\"a=1\", \"b=2\"]\n";
  auto const config = parse({"--config", path.c_str(), "--model-name", "from line"});
  CHECK(config.batch_size == 32);
  CHECK(config.overwrite);
  CHECK(config.meta == std::vector<std::string>{"a=1", "b=2"});
  CHECK(config.model_name == "from line");
  std::ofstream(path) << "bath-size = 32\n";
  CHECK_THAT(complaint({"--config", path.c_str()}), Catch::Contains("bath-size"));
  CHECK_THAT(complaint({"--config", "/nonexistent.toml"}), Catch::Contains("/nonexistent.toml"));
}

TEST_CASE("help and version are answers, not jobs") {
  std::optional<fod::Answer> answer;
  std::vector<char const*> const help{"fod-generate", "--help"};
  fod::parse_command_line(2, help.data(), answer);
  REQUIRE(answer);
  CHECK_THAT(answer->text, Catch::Contains("--batch-size") && Catch::Contains("Example"));
  std::vector<char const*> const version{"fod-generate", "--version"};
  fod::parse_command_line(2, version.data(), answer);
  CHECK_THAT(answer->text, Catch::StartsWith("fod-generate "));
}

TEST_CASE("ranges") {
  CHECK(fod::parse_range("3:9") == fod::IndexRange{3, 9});
  CHECK(fod::parse_range(":9") == fod::IndexRange{0, 9});
  CHECK(fod::parse_range("3:").begin == 3);
  for (auto const* text : {"", "3", "9:3", "-1:3", "a:b", "1:2:3", "1.5:2"}) {
    CHECK_THROWS_AS(fod::parse_range(text), fod::Error);
  }
}

TEST_CASE("normalizations") {
  auto const one = fod::parse_normalization("mean=0.5,std=0.25");
  CHECK(one.mean == std::vector<double>{0.5});
  CHECK(one.std == std::vector<double>{0.25});
  auto const three = fod::parse_normalization("image:mean=1,2,3,std=4,5,6");
  CHECK(three.field == "image");
  CHECK(three.mean == std::vector<double>{1, 2, 3});
  CHECK(three.std == std::vector<double>{4, 5, 6});
  for (auto const* text : {"", "mean=1", "std=1", "mean=1,std=0", "mean=1,2,std=1", "1,2",
                           "mean=x,std=1", "mean=1,std=nan"}) {
    CHECK_THROWS_AS(fod::parse_normalization(text), fod::Error);
  }
}

TEST_CASE("arguments") {
  auto const all = fod::parse_arguments({"x", "=16000", "y", "=0.5"});
  CHECK(all.fields == std::vector<std::string>{"x", "y"});
  REQUIRE(all.constants.size() == 2);
  CHECK((all.constants[0].position == 1 && all.constants[0].whole));
  CHECK(all.constants[0].value == 16000);
  CHECK((all.constants[1].position == 3 && !all.constants[1].whole));
  CHECK(all.constants[1].value == 0.5);
  CHECK(fod::parse_arguments({}).fields.empty());
  CHECK_THROWS_AS(fod::parse_arguments({"x", "=much"}), fod::Error);
  CHECK_THROWS_AS(fod::parse_arguments({"=3"}), fod::Error);
}

TEST_CASE("batch sizes") {
  CHECK(fod::parse_batch_size("64") == 64);
  CHECK(fod::parse_batch_size("auto") == 0);
  for (auto const* text : {"", "0", "-1", "1.5", "99999999", "AUTO"}) {
    CHECK_THROWS_AS(fod::parse_batch_size(text), fod::Error);
  }
}

TEST_CASE("images") {
  CHECK_FALSE(parse({}).images.given());
  auto const images =
      parse({"--resize", "256", "--crop", "224", "--image-mode", "gray", "--skip-bad"}).images;
  CHECK(images.given());
  CHECK(images.mode == fod::ImageMode::gray);
  CHECK(images.crop == 224);
  CHECK(images.skip_bad);
  REQUIRE(images.resize);
  CHECK_FALSE(images.resize->exact);
  CHECK(images.resize->of({500, 375}) == fod::ImageSize{341, 256});
  CHECK(images.resize->of({375, 500}) == fod::ImageSize{256, 341});
  CHECK(images.resize->of({7, 7}) == fod::ImageSize{256, 256});
  for (auto const* text : {"224x320", "224,320"}) {
    CHECK(fod::parse_resize(text).of({5, 6}) == fod::ImageSize{224, 320});
  }
  for (auto const* text :
       {"", "0", "4x", "x4", "4,", "4x4x4", "-3", "1.5", "ax4", "70000", "4x0"}) {
    CHECK_THROWS_AS(fod::parse_resize(text), fod::Error);
  }
  CHECK_THAT(complaint({"--crop", "0"}), Catch::Contains("--crop"));
  CHECK_THAT(complaint({"--image-mode", "cmyk"}), Catch::Contains("--image-mode"));
}

TEST_CASE("transforms") {
  auto const chain =
      fod::parse_transforms({"temperature=2", "temperature=4", "topk=3", "smooth=0.5"}).first;
  CHECK(chain.inverse_temperature == 0.125F);
  REQUIRE(chain.size == 2);
  CHECK(chain.steps[0].kind == fod::RowTransform::Kind::top_k);
  CHECK(chain.steps[0].count == 3);
  CHECK(chain.steps[1].amount == 0.5F);
  CHECK_FALSE(fod::parse_transforms({}).first.scales_logits());
  auto const plan = fod::parse_transforms({"topk=3", "python:m:f", "smooth=0.5", "plugin:x.so"});
  CHECK(plan.first.size == 1);
  REQUIRE(plan.own.size() == 2);
  CHECK(plan.own[0].spec == "python:m:f");
  CHECK(plan.own[0].then.size == 1);
  CHECK(plan.own[1].then.size == 0);
  CHECK_THROWS_AS(fod::parse_transforms({"python:m:f", "temperature=2"}), fod::Error);
  for (auto const* text : {"", "temperature", "temperature=0", "temperature=-1", "temperature=x",
                           "smooth=-0.1", "smooth=1.1", "topk=0", "topk=1.5", "temp=2"}) {
    CHECK_THROWS_AS(fod::parse_transforms({text}), fod::Error);
  }
  CHECK_THROWS_AS(fod::parse_transforms({"smooth=0.1", "temperature=2"}), fod::Error);
  CHECK_THROWS_AS(fod::parse_transforms(std::vector<std::string>(9, "smooth=0.1")), fod::Error);
}

TEST_CASE("digests of models are one for each, in the order of --model") {
  std::string const lower(64, 'a');
  std::string const upper(64, 'A');
  CHECK(parse({}).model_digests.empty());
  CHECK(parse({"--model-sha256", upper.c_str()}).model_digests == std::vector{lower});
  CHECK(parse({"--model", "n.pt", "--model-sha256", "-", "--model-sha256", lower.c_str()})
            .model_digests == std::vector<std::string>{"", lower});
  CHECK(parse({"--model", "python:m:f", "--model-sha256", lower.c_str(), "--model-sha256", "-"})
            .model_digests == std::vector<std::string>{lower, ""});
  CHECK_THAT(complaint({"--model", "n.pt", "--model-sha256", lower.c_str()}),
             Catch::Contains("there are 1 for 2 of --model") &&
                 Catch::Contains("give one for each"));
  for (auto const& wrong : {std::string("abc"), std::string(63, 'a'), std::string(64, 'g'),
                            std::string(128, 'a'), std::string()}) {
    CHECK_THAT(complaint({"--model-sha256", wrong.c_str()}),
               Catch::Contains("it is no SHA-256") && Catch::Contains("sha256sum"));
  }
  CHECK_THAT(
      complaint({"--model", "python:m:f", "--model-sha256", "-", "--model-sha256", lower.c_str()}),
      Catch::Contains("cannot pin python:m:f"));
}
