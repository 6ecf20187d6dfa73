#include "server/route/table_router.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/row_hash.h"
#include "server/route/equality_filter.h"

namespace replicast::route {

absl::StatusOr<std::unique_ptr<TableRouter>> TableRouter::Create(const Relation& relation,
                                                                 std::vector<TableInterest> interests) {
  std::unique_ptr<TableRouter> router(new TableRouter(relation));
  std::sort(interests.begin(), interests.end(),
            [](const TableInterest& a, const TableInterest& b) { return a.stream < b.stream; });
  for (const TableInterest& interest : interests) RETURN_IF_ERROR(router->Add(interest));
  return router;
}

absl::Status TableRouter::Add(const TableInterest& interest) {
  size_t number = interests_.size();
  auto same = std::find_if(projections_.begin(), projections_.end(),
                           [&](const HashedProjection& p) { return p.projection.columns() == interest.columns; });
  size_t projection = static_cast<size_t>(same - projections_.begin());
  if (same == projections_.end()) projections_.push_back({Projection(relation_, interest.columns), false, nullptr, {}});
  interests_.push_back({interest.stream, interest.table, projection, -1});
  if (interest.filter.empty()) {
    unfiltered_.push_back(number);
    return absl::OkStatus();
  }
  if (filters_ == nullptr) {
    ASSIGN_OR_RETURN(filters_, sqlite::RowFilters::Create(FilterColumns(relation_), relation_.encoding));
  }
  ASSIGN_OR_RETURN(interests_.back().filter, filters_->Add(interest.filter));
  std::optional<EqualityFilter> equality = ParseEqualityFilter(relation_, interest.filter);
  if (!equality.has_value()) {
    evaluated_.push_back(number);
    return absl::OkStatus();
  }
  auto lookup =
      std::find_if(lookups_.begin(), lookups_.end(), [&](const Lookup& l) { return l.column == equality->column; });
  if (lookup == lookups_.end()) lookup = lookups_.insert(lookup, Lookup{equality->column, {}, {}, {}});
  if (const Text* text = std::get_if<Text>(&equality->literal)) {
    lookup->texts[text->bytes].push_back(number);
  } else {
    lookup->integers[std::get<int64_t>(equality->literal)].push_back(number);
    lookup->with_integers.push_back(number);
  }
  return absl::OkStatus();
}

void TableRouter::Match(const Row& row) {
  matched_ = unfiltered_;
  bool loaded = false;
  auto evaluate = [&](const std::vector<size_t>& interests) {
    if (!interests.empty() && !loaded) filters_->Load(row);
    loaded = loaded || !interests.empty();
    for (size_t number : interests) {
      if (filters_->Matches(interests_[number].filter)) matched_.push_back(number);
    }
  };
  auto take = [&](const auto& lookup, const auto& value) {
    if (auto found = lookup.find(value); found != lookup.end()) {
      matched_.insert(matched_.end(), found->second.begin(), found->second.end());
    }
  };
  for (const Lookup& lookup : lookups_) {
    const Value& value = row[static_cast<size_t>(lookup.column)];
    if (const Text* text = std::get_if<Text>(&value)) {
      take(lookup.texts, text->bytes);
    } else if (const int64_t* number = std::get_if<int64_t>(&value)) {
      take(lookup.integers, *number);
    } else if (std::holds_alternative<Real>(value)) {
      evaluate(lookup.with_integers);
    }
  }
  evaluate(evaluated_);
  std::sort(matched_.begin(), matched_.end());
}

const TableRouter::HashedProjection& TableRouter::Hashed(size_t projection, const Row& row) {
  HashedProjection& hashed = projections_[projection];
  if (!hashed.fresh) {
    hashed.row = &hashed.projection.Of(row);
    hashed.hash = wire::HashRow(relation_.name, *hashed.row);
    hashed.fresh = true;
  }
  return hashed;
}

void TableRouter::Route(const Row* row, const std::vector<store::RowIndex::Entry>& before,
                        std::vector<Change>* changes) {
  changes->clear();
  matched_.clear();
  for (HashedProjection& hashed : projections_) hashed.fresh = false;
  if (row != nullptr) Match(*row);
  auto was = before.begin();
  auto is = matched_.begin();
  while (was != before.end() || is != matched_.end()) {
    const Interest* in = is == matched_.end() ? nullptr : &interests_[*is];
    if (was != before.end() && (in == nullptr || was->stream < in->stream)) {  // it was in, and is not any more
      auto interest = std::lower_bound(interests_.begin(), interests_.end(), was->stream,
                                       [](const Interest& i, int64_t stream) { return i.stream < stream; });
      if (interest != interests_.end() && interest->stream == was->stream) {
        changes->push_back({was->stream, interest->table, true, was->hash, nullptr, {}});
      }
      ++was;
      continue;
    }
    const HashedProjection& now = Hashed(in->projection, *row);
    bool was_in = was != before.end() && was->stream == in->stream;
    if (!was_in || !(was->hash == now.hash)) {
      changes->push_back({in->stream, in->table, was_in, was_in ? was->hash : Digest(), now.row, now.hash});
    }
    if (was_in) ++was;
    ++is;
  }
}

}  // namespace replicast::route
