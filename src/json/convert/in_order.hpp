#pragma once

#include <cstdint>
#include <functional>
#include <memory>

/// Inside of the json module: pieces that are made side by side and handed over one by one.
namespace fod::json {

/// The hands of one thread, for one piece at a time.
class PieceMaker {
public:
  PieceMaker() = default;
  PieceMaker(PieceMaker const&) = delete;
  PieceMaker& operator=(PieceMaker const&) = delete;
  virtual ~PieceMaker() = default;

  /// Gets what a piece is made of. One thread at a time, pieces in order. False: there are no more
  /// pieces, this one included.
  virtual bool take(std::int64_t piece) = 0;
  /// Makes it. Several threads at once.
  virtual void make() = 0;
  /// Hands it over. One thread at a time, pieces in order. False: no more are wanted.
  virtual bool give() = 0;
};

/// Makes pieces 0, 1, … until there are no more.
/// @param threads how many make at the same time; one more gets and hands over beside them, so that
///        as many pieces and one are held
/// @param maker is called for each of all these
/// @throws what a maker throws, the first of it, once all threads have stopped
void make_in_order(int threads, std::function<std::unique_ptr<PieceMaker>()> const& maker);

} // namespace fod::json
