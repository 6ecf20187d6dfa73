#include "client/cli/json_output.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "replicast/v1/admin_service.pb.h"

namespace replicast::cli {
namespace {

TEST(JsonOutputTest, EveryFieldIsThereUnderItsProtoName) {
  v1::Dataset dataset;
  dataset.set_name("orders");
  dataset.set_state(v1::DATASET_STATE_READY);
  dataset.set_definition_hash(std::string("\x01\xff", 2));
  dataset.set_row_count(1ull << 60);
  const auto json = ToJson(dataset);
  EXPECT_EQ(json["name"], "orders");
  EXPECT_EQ(json["state"], "ready");
  EXPECT_EQ(json["definition_hash"], "01ff");
  EXPECT_EQ(json["row_count"], 1ull << 60);
  EXPECT_TRUE(json["definition"].is_null());
  EXPECT_EQ(json.size(), static_cast<size_t>(v1::Dataset::descriptor()->field_count()));
}

TEST(JsonOutputTest, AnLsnHasItsTextBesideIt) {
  v1::Position position;
  position.set_lsn(812 * 65536 + 3);
  EXPECT_EQ(ToJson(position)["lsn_text"], "812.3");
}

TEST(JsonOutputTest, TimesAndMapsAreReadable) {
  v1::GetStatusResponse status;
  status.mutable_started_at()->set_seconds(86400);
  status.mutable_detector_age()->set_nanos(250'000'000);
  (*status.mutable_counters())["drains"] = 7;
  const auto json = ToJson(status);
  EXPECT_EQ(json["started_at"], "1970-01-02T00:00:00+00:00");
  EXPECT_EQ(json["detector_age"], 0.25);
  EXPECT_EQ(json["counters"]["drains"], 7);
}

TEST(JsonOutputTest, AnErrorTellsCodeReasonAndMessage) {
  const auto json = ErrorToJson(Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN", "no dataset x"));
  EXPECT_EQ(json["error"]["code"], "NOT_FOUND");
  EXPECT_EQ(json["error"]["reason"], "DATASET_UNKNOWN");
  EXPECT_EQ(json["error"]["message"], "no dataset x");
}

TEST(JsonOutputTest, BlobsAreToldFromText) {
  EXPECT_EQ(ValueToJson(Blob{std::string("\0\1", 2)})["blob"], "0001");
  EXPECT_EQ(ValueToJson(Text{"a"}), "a");
  EXPECT_TRUE(ValueToJson(std::monostate()).is_null());
}

}  // namespace
}  // namespace replicast::cli
