#ifndef REPLICAST_SERVER_PUBLISH_PUBLISHER_CORE_H_
#define REPLICAST_SERVER_PUBLISH_PUBLISHER_CORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/publish/publisher.h"
#include "server/publish/stream.h"
#include "server/route/router.h"
#include "server/store/catalogue.h"
#include "server/store/row_index.h"
#include "server/store/server_state.h"
#include "server/store/unit_store.h"

namespace replicast::publish {

// What the publisher's parts share: the state database and what is kept in memory of it. Invariant: between two calls
// of the publisher, memory is exactly what the database says (the row index: what it says once stored units are
// replayed). A transaction that didn't commit breaks that: whoever lost one sets `damaged`, and the next call reads all
// anew. One thread.
class Core {
 public:
  Core(sqlite::Database& database, Source& source_, const wire::Signer& signer_, Clock& clock_, Random& random_,
       UnitListener& listener_, const Publisher::Options& options_);

  // Reads the state database: what it names of the source is described, unfinished index builds start again, the row
  // index is replayed. Streams whose tables are not what they were are stopped.
  absl::Status Load();
  absl::Status EnsureSound();

  Stream* Find(const DefinitionHash& stream);
  const Stream* Find(const DefinitionHash& stream) const { return const_cast<Core*>(this)->Find(stream); }
  Stream* FindById(int64_t id);
  // NOT_FOUND (STREAM_UNKNOWN), UNAVAILABLE (STREAM_BUILDING), FAILED_PRECONDITION (STREAM_STOPPED).
  absl::StatusOr<Stream*> FindReady(const DefinitionHash& stream);
  StreamInfo Info(const Stream& stream);

  // --- changes of what is published; each in a transaction of its own unless it says otherwise
  // These streams stop at the present boundary, each for a reason that people are told.
  struct End {
    std::string reason;
    store::StreamState state = store::StreamState::kStopped;
  };
  absl::Status Stop(const std::map<int64_t, End>& ends);
  // A row that is longer than allowed (ROW_TOO_LARGE), or that its own table would not take (ROW_IMPOSSIBLE), must not
  // be published: what was begun is to be given up (`damaged`); EnsureSound then stops the stream.
  absl::Status CheckRow(const Stream& stream, size_t table, const Row& key, const Row& row);
  bool refused() const { return !refused_.empty(); }
  // Describes the relations of streams that aren't stopped. One that isn't what it was is known by what was published
  // of it only, and a comparison is owed, which finds out what it has become.
  absl::Status DescribeRelations();
  // Relations that no stream has are removed.
  absl::Status RemoveUnusedRelations();
  // Makes the source capture what streams use. What was not captured as it had been left.
  absl::StatusOr<std::vector<Reading::Change>> CaptureRelations();
  // Takes it to be captured: readings tell where it isn't.
  void AttachRelations();
  // Stores whether, and why, a full comparison is owed.
  absl::Status SetOwed(store::ComparisonCause cause);
  // Index builds that are not complete begin again.
  absl::Status RestartBuilds();
  // Takes the stream out and back in under another number, to be built from nothing. In the caller's transaction.
  absl::Status BuildAnew(Stream* stream);
  // After streams came, went or stopped: the tables of each, and the router.
  absl::Status RefreshRouter();
  // What is known of the relation from now on.
  void Describe(const Relation& relation) {
    relations[relation.id] = relation;
    stale_.erase(relation.id);
  }
  bool IsStale(uint32_t relation) const { return stale_.count(relation) != 0; }

  // What its units and index rows will be told apart by: in the header of every unit.
  v1::UnitHeader HeaderFor(const Stream& stream, v1::UnitKind kind, Lsn last, absl::Time master_time) const;
  // A signed unit without changes at the present boundary, to the listener.
  absl::StatusOr<wire::EncodedPart> EmptyUnit(const Stream& stream) const;
  // Gives every stored unit that isn't known to have been sent to the listener, in order, while it takes more.
  absl::Status TellStored();
  bool untold() const { return state.sent < state.serial; }

  // Notes that the source can't be read; the status is given back, so that it ends what needed the source.
  absl::Status SourceFailed(absl::Status status);
  void SourceAnswered();

  // How durable commits are: as the options say, or (for what can be made again) without waiting for the disk.
  absl::Status CommitsWait(bool wait);

  Source& source;
  const wire::Signer& signer;
  Clock& clock;
  Random& random;
  UnitListener& listener;
  const Publisher::Options options;

  store::Statements statements;
  store::Catalogue catalogue;
  store::UnitStore units;
  store::UnitStore::Holds holds;
  std::unique_ptr<store::RowIndex> index;
  store::ServerState state;
  std::map<int64_t, Stream> streams;  // by their number
  std::map<std::string, DefinitionHash> datasets;
  std::map<uint32_t, Relation> relations;
  // What is gone, but for its units and index rows; and what of that the present sweep removes.
  struct Dead {
    std::set<int64_t> streams, relations;
    bool any() const { return !streams.empty() || !relations.empty(); }
  };
  Dead dead, sweeping;
  route::Router router;
  bool damaged = true;
  bool started = false;  // the listener hears of streams
  std::string source_problem;
  absl::Time last_read = absl::InfinitePast();

 private:
  absl::Status LoadStreams();
  // Does it still give every stream the schema that this one told its replicas?
  bool Publishes(const Relation& relation, uint32_t id) const;
  // Those that streams use which aren't stopped.
  std::vector<Relation> UsedRelations() const;
  // False: the listener takes no more now.
  absl::StatusOr<bool> TellUnit(const store::StoredUnit& unit);

  // What is known of a relation by what a stream published of it.
  Relation Remembered(const store::RelationRecord& record) const;

  std::map<DefinitionHash, std::string> refused_;  // streams to stop, and why
  std::set<uint32_t> stale_;                       // relations that are Remembered only
  uint32_t told_parts_ = 0;                        // of the unit after state.sent
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_PUBLISHER_CORE_H_
