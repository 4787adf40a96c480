#include "dataset_image_files.hpp"

#include "dataset/image_listing.hpp"

#include <catch2/catch.hpp>

namespace dataset_test {

using Catch::Matchers::Contains;

namespace {

/// Paths of the samples, inside of the folder.
std::vector<std::string> paths_in(std::string const& folder) {
  fod::ImageListing const listing(folder);
  std::vector<std::string> paths;
  for (std::int64_t i = 0; i < listing.size(); ++i) {
    paths.push_back(listing.path(i).substr(folder.size() + 1));
  }
  return paths;
}

std::string listing_refusal(std::string const& folder) {
  return message_of(fod::ExitCode::usage, [&] { fod::ImageListing const listing(folder); });
}

} // namespace

TEST_CASE("images: folders by path, files by name, all by code unit") {
  ImageFolder const folder;
  // By path "a/s t" comes before "a/s/t", but behind "a/s".
  std::vector<std::string> const order{"B/1.png",   "B/10.PNG",         "B/2.png",     "a/.png",
                                       "a/Z.jpg",   "a/new\nline.jpeg", "a/z z.JpEg",  "a/é.png",
                                       "a/s/x.png", "a/s t/x.png",      "a/s/t/x.png", "a.b/x.png",
                                       "ä/x.png"};
  for (auto const& path : std::vector<std::string>(order.rbegin(), order.rend())) {
    folder.add(path, "");
  }
  CHECK(paths_in(folder.root()) == order);
  fod::ImageListing const listing(folder.root() + "//");
  CHECK(listing.class_names() == std::vector<std::string>{"B", "a", "a.b", "ä"});
  CHECK(listing.class_begins() == std::vector<std::int64_t>{0, 3, 11, 12, 13});
  CHECK(listing.path(0) == folder.root() + "/B/1.png");
  CHECK(fod::shown(listing.path(5)) == folder.root() + "/a/new\\nline.jpeg");
}

TEST_CASE("images: what is no image is counted") {
  ImageFolder const folder;
  folder.add("a/x.png", "");
  for (auto const* name :
       {"a/x.txt", "a/png", "a/x.png.bak", "a/deep/x.gif", "README", "top.png"}) {
    folder.add(name, "");
  }
  fod::ImageListing const listing(folder.root());
  CHECK(listing.size() == 1);
  CHECK(listing.ignored() == 6);
}

TEST_CASE("images: links are followed, broken ones are images, loops are refused") {
  ImageFolder const folder;
  folder.add("a/x.png", "");
  folder.add("../elsewhere/deep/y.png", "");
  auto const link = [&](std::string const& to, std::string const& at) {
    std::filesystem::create_symlink(to, folder.root() + "/" + at);
  };
  link(folder / "elsewhere", "b");
  link(folder / "elsewhere/deep", "a/linked");
  link("nowhere", "a/broken.jpg");
  link("itself", "a/itself");
  CHECK(paths_in(folder.root()) ==
        std::vector<std::string>{"a/broken.jpg", "a/x.png", "a/linked/y.png", "b/deep/y.png"});
  link(folder.root(), "a/up");
  CHECK_THAT(listing_refusal(folder.root()), Contains("/a/up holds itself"));
}

TEST_CASE("images: folders that hold none") {
  ImageFolder const folder;
  CHECK_THAT(listing_refusal(folder / "nowhere"), Contains("cannot list the folder"));
  std::filesystem::create_directory(folder.root());
  CHECK_THAT(listing_refusal(folder.root()), Contains("is a folder without class folders"));
  folder.add("x.png", "");
  CHECK_THAT(listing_refusal(folder.root()), Contains("1 image in it, of unknown class"));
  folder.add("a/x.txt", "");
  CHECK_THAT(listing_refusal(folder.root()), Contains("is a folder without images (no image lies"));
  folder.add("b/x.png", "");
  CHECK_THAT(listing_refusal(folder.root()),
             Contains("without images of 1 class") && Contains("no image lies in a)"));
}

} // namespace dataset_test
