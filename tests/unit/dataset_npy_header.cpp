#include "dataset_files.hpp"

#include <catch2/catch.hpp>

namespace dataset_test {

using Catch::Matchers::Contains;

namespace {

/// How a file with this header is refused; three float32 follow it.
std::string refused_header(std::string const& header) {
  TempFolder const folder;
  return refusal(folder.file("x.npy", npy_with_header(header, std::string(12, '\0'))));
}

std::string header_of(std::string const& shape, std::string const& order = "False") {
  return "{'descr': '<f4', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

std::string refused_shape(std::string const& shape) {
  return refused_header(header_of(shape));
}

} // namespace

TEST_CASE("npy header: spellings that are valid") {
  TempFolder const folder;
  for (std::string const header :
       {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'shape':(3,),'fortran_order':False,'descr':'<f4'}",
        "{ \"descr\" : \"<f4\" , 'fortran_order' : False , 'shape' : ( 3 , ) , }  \n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3L,), }\n"}) {
    INFO(header);
    auto const path = folder.file("x.npy", npy_with_header(header, little<float>({1, 2, 3})));
    CHECK(values_of<float>(*fod::open_source(path, "x")) == std::vector{1.0F, 2.0F, 3.0F});
  }
}

TEST_CASE("npy header: a hostile shape") {
  CHECK_THAT(refused_shape("(1099511627776, 1099511627776)"), Contains("63 bits"));
  CHECK_THAT(refused_shape("(4611686018427387904,)"), Contains("63 bits"));
  CHECK_THAT(refused_shape("(4611686018427387904, 0)"), Contains("without elements"));
  CHECK_THAT(refused_shape("(1000000000000,)"), Contains("truncated"));
  CHECK_THAT(refused_shape("(99999999999999999999,)"),
             Contains("no count: '99999999999999999999'"));
  CHECK_THAT(refused_shape("(-3,)"), Contains("no count: '-3'"));
  CHECK_THAT(refused_shape("(+3,)"), Contains("no count"));
  CHECK_THAT(refused_shape("(3.0,)"), Contains("malformed"));
  CHECK_THAT(refused_shape("(3,,)"), Contains("no count"));
  CHECK_THAT(refused_shape("(,)"), Contains("no count"));
  CHECK_THAT(refused_shape("(1 3)"), Contains("malformed"));
  CHECK_THAT(refused_shape("(3)"), Contains("no tuple"));
  CHECK_THAT(refused_shape("3"), Contains("expected '('"));
  CHECK_THAT(refused_shape("[3]"), Contains("expected '('"));
  CHECK_THAT(refused_shape("(3,"), Contains("no count"));
  std::string many = "(";
  for (int i = 0; i < 65; ++i) {
    many += "1,";
  }
  CHECK_THAT(refused_shape(many + ")"), Contains("more than 64 dimensions"));
}

TEST_CASE("npy header: missing, double and foreign entries") {
  CHECK_THAT(refused_header("{'fortran_order': False, 'shape': (3,)}"), Contains("no 'descr'"));
  CHECK_THAT(refused_header("{'descr': '<f4', 'shape': (3,)}"), Contains("no 'fortran_order'"));
  CHECK_THAT(refused_header("{'descr': '<f4', 'fortran_order': False}"), Contains("no 'shape'"));
  CHECK_THAT(refused_header("{}"), Contains("no 'descr'"));
  CHECK_THAT(refused_header("{'descr': '<f4', 'descr': '<f4'}"), Contains("'descr' twice"));
  CHECK_THAT(refused_header("{'descr': '<f4', 'extra': 1}"), Contains("unknown entry 'extra'"));
  CHECK_THAT(refused_header(header_of("(3,)", "0")), Contains("neither True nor False"));
}

TEST_CASE("npy header: text that is no dictionary") {
  for (std::string const header : {"", " ", "{", "{'", "{'descr", "{'descr'", "{'descr':",
                                   "{'descr': '<f4", "{'descr': '<f4' 'shape'", "[1]", "None"}) {
    INFO(header);
    CHECK_THAT(refused_header(header), Contains("damaged .npy header"));
  }
  CHECK_THAT(refused_header(std::string(50, '\0')), Contains("damaged"));
  CHECK_THAT(refused_header(header_of("(3,)") + "x"), Contains("text after its end"));
  CHECK_THAT(refused_header("{'descr': __import__('os').system('x')}"),
             Contains("expected a string"));
}

TEST_CASE("npy header: control characters do not reach the message") {
  auto const message = refused_header("{'descr': '\x1b[31m', 'fortran_order': False, "
                                      "'shape': (3,)}");
  CHECK_THAT(message, Contains("dtype '?[31m'"));
  CHECK_THAT(refused_header("{'" + std::string(5000, 'k') + "': 1}"), Contains("kkk..."));
}

TEST_CASE("npy header: it ends past the end of the file") {
  TempFolder const folder;
  auto const header = header_of("(3,)");
  for (int version = 1; version <= 3; ++version) {
    auto const longest = version == 1 ? 0xffffU : 0xffffffffU;
    CHECK_THAT(refusal(folder.file("x.npy", npy_with_header(header, "", version, longest))),
               Contains("truncated") && Contains("its header ends at byte"));
  }
  auto const whole = npy_with_header(header, "", 2);
  for (std::size_t size = 6; size < whole.size(); ++size) {
    CHECK_THAT(refusal(folder.file("x.npy", whole.substr(0, size))), Contains("truncated"));
  }
}

TEST_CASE("npy header: versions that do not exist") {
  TempFolder const folder;
  for (int const version : {0, 4, 255}) {
    auto const path = folder.file("x.npy", npy_with_header(header_of("(3,)"), "", version));
    CHECK_THAT(refusal(path), Contains("version " + std::to_string(version)));
  }
}

} // namespace dataset_test
