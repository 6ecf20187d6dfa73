#ifndef REPLICAST_SERVER_PUBLISH_TABLE_ORIGIN_H_
#define REPLICAST_SERVER_PUBLISH_TABLE_ORIGIN_H_

#include <optional>
#include <string>
#include <vector>

#include "common/base/value.h"
#include "replicast/v1/units.pb.h"
#include "server/source/relation.h"

namespace replicast::publish {

// How the rows of a published table come from those of the table that it was before its schema changed: each column
// from an old one (of the same name; else of the same place and type, as after a renaming) or, where it is new, a
// constant (its default). Only a guess as to what happened: where a row doesn't bear it out, the row itself is sent.
class OriginOfTable {
 public:
  // Nothing: rows aren't identified alike, so none can be taken over.
  static std::optional<OriginOfTable> Guess(const v1::TableSchema& before, const v1::TableSchema& now,
                                            const Relation& relation);

  const v1::TableOrigin& origin() const { return origin_; }  // without the old table's number
  // Every old column is the origin of a new one, so that a row tells what it was.
  bool reversible() const { return reversible_; }
  // What the published row was, by the origins, in the old schema's columns; nothing: it has another constant. Only
  // where it is reversible.
  std::optional<Row> Before(const Row& published) const;
  // Whether its constants are these.
  bool BearsOut(const Row& published) const;

 private:
  v1::TableOrigin origin_;
  std::vector<int> sources_;                     // of each old column: the new one that comes from it; -1: none
  std::vector<std::optional<Value>> constants_;  // of each new column
  bool reversible_ = false;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_TABLE_ORIGIN_H_
