#pragma once

#include <cstdint>
#include <functional>
#include <memory>

/// Inside of the json module: pieces that are made side by side and handed over one by one.
namespace fod::json {

/// Room for one piece at a time, whichever thread works on it.
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

/// Makes pieces 0, 1, … until there are no more. No thread waits for the piece of another one while
/// there is room to make the next.
/// @param threads how many work at the same time, each at what is next; a single one that makes has
///        one beside it that gets and hands over
/// @param rooms how many pieces are held at most, made or not; at least two
/// @param maker is called for each of these
/// @throws what a maker throws, the first of it, once all threads have stopped
void make_in_order(int threads, int rooms,
                   std::function<std::unique_ptr<PieceMaker>()> const& maker);

} // namespace fod::json
