#ifndef REPLICAST_SERVER_PUBLISH_STORED_PUBLISHER_H_
#define REPLICAST_SERVER_PUBLISH_STORED_PUBLISHER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/dataset_names.h"
#include "server/publish/chunk_reader.h"
#include "server/publish/dataset_catalogue.h"
#include "server/publish/drain.h"
#include "server/publish/index_builder.h"
#include "server/publish/publisher.h"
#include "server/publish/publisher_core.h"
#include "server/publish/scrub.h"

namespace replicast::publish {

// The publisher over a state database: gives each call to the part that does it.
class StoredPublisher : public Publisher {
 public:
  StoredPublisher(sqlite::Database& state, Source& source, const wire::Signer& signer, Clock& clock, Random& random,
                  UnitListener& listener, const Options& options)
      : core_(state, source, signer, clock, random, listener, options),
        drain_(core_),
        builder_(core_, drain_),
        scrub_(core_, drain_),
        chunks_(core_, drain_),
        catalogue_(core_, drain_) {}
  absl::Status Begin();

  absl::StatusOr<DrainResult> Drain() override;
  absl::StatusOr<bool> BuildStep() override { return builder_.Step(); }
  absl::StatusOr<absl::Duration> ScrubStep() override { return scrub_.Step(); }
  void ScrubNow() override { scrub_.Hurry(); }
  const ScrubReport& scrub_report() const override { return scrub_.report(); }
  absl::StatusOr<bool> TellStep() override;
  absl::Status PublishBoundary(const DefinitionHash& stream) override;
  Tail published() const override { return core_.state.tail; }
  HistoryId history() const override { return core_.state.history; }
  std::string source_problem() const override { return core_.source_problem; }
  std::string comparison() const override { return drain_.comparison(); }
  absl::Time last_read() const override { return core_.last_read; }

  absl::Status CreateDataset(const std::string& name, const v1::Definition& definition) override {
    return catalogue_.Create(name, definition);
  }
  absl::Status AlterDataset(const std::string& name, const v1::Definition& definition) override {
    return catalogue_.Alter(name, definition);
  }
  absl::Status DeleteDataset(const std::string& name) override { return catalogue_.Delete(name); }
  absl::StatusOr<std::string> CombineDatasets(const std::vector<std::string>& names) override {
    return names.size() == 1 ? names[0] : catalogue_.Combine(names);
  }
  absl::StatusOr<std::string> NarrowDataset(const std::string& name, const v1::Definition& wanted) override {
    return catalogue_.Narrow(name, wanted);
  }
  bool GoesUnfollowed(const std::string& name) const override {
    return PartsOfName(name).size() > 1 || NameBeforeNarrowing(name) != name;
  }
  absl::StatusOr<StreamInfo> Dataset(const std::string& name) const override;
  std::vector<std::string> Datasets() const override;
  absl::StatusOr<v1::CheckMasterResponse> CheckMaster() override;
  std::optional<StreamInfo> Stream(const DefinitionHash& stream) const override;
  std::vector<StreamInfo> Streams() const override;
  absl::StatusOr<v1::SignedSchema> SchemaOf(const DefinitionHash& stream) const override;

  NextStep NextStepFor(const std::optional<Position>& position, std::string* reason) const override;
  std::optional<Kept> KeptFrom(const Position& position) const override;
  void Hold(const std::vector<Position>& positions) override;
  absl::StatusOr<CatchUpBatch> CatchUp(const Position& from, uint64_t resume, size_t most_bytes) override;
  absl::StatusOr<SnapshotInfo> SnapshotOf(const DefinitionHash& stream) const override;
  absl::StatusOr<v1::SignedChunk> ReadChunk(const DefinitionHash& stream, uint32_t table, const std::string& after_key,
                                            const v1::HeldRange* held, std::unique_ptr<ChunkPieces>* pieces) override {
    return chunks_.Read(stream, table, after_key, held, pieces);
  }
  absl::StatusOr<std::unique_ptr<Comparison>> BeginCompare(const Position& position,
                                                           const v1::KeyRanges* ranges) override;

 private:
  mutable Core core_;  // asking it uses prepared statements
  publish::Drain drain_;
  IndexBuilder builder_;
  Scrub scrub_;
  ChunkReader chunks_;
  DatasetCatalogue catalogue_;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_STORED_PUBLISHER_H_
