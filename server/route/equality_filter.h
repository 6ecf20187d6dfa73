#ifndef REPLICAST_SERVER_ROUTE_EQUALITY_FILTER_H_
#define REPLICAST_SERVER_ROUTE_EQUALITY_FILTER_H_

#include <optional>
#include <string>

#include "common/base/value.h"
#include "server/source/relation.h"

namespace replicast::route {

// A filter of the form `column = literal` that may be answered by comparing bytes: a text literal on a column of TEXT
// affinity and BINARY collation, or an integer literal on one of INTEGER affinity. There, a stored text (or integer)
// matches exactly if it is identical to the literal. Reals may equal integers, so rows with one are to be evaluated.
struct EqualityFilter {
  int column = 0;
  Value literal;
};

// `expression`: one that sqlite::RowFilters takes. Nothing: any other form, which has to be evaluated.
std::optional<EqualityFilter> ParseEqualityFilter(const Relation& relation, const std::string& expression);

}  // namespace replicast::route

#endif  // REPLICAST_SERVER_ROUTE_EQUALITY_FILTER_H_
