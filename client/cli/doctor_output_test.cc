#include "client/cli/doctor_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace replicast::cli {
namespace {

using testing::HasSubstr;

doctor::Facts SomeFacts() {
  doctor::Facts facts;
  facts.interface = "eth0";
  facts.group = "239.192.1.2";
  facts.port = 7422;
  facts.server.asked = true;
  facts.server.address = "10.99.0.1:7420";
  facts.server.interfaces = {{"eth0", "10.99.0.1", 1500}};
  facts.server.ttl = 1;
  facts.server.frame_size = 1372;
  facts.server.rate = 1'000'000;
  facts.server.clock_offset = absl::Milliseconds(-1500);
  facts.listened = absl::Seconds(5);
  facts.probes = {{doctor::ProbeKind::kSmall, 64, 20, 19, 1}};
  facts.queriers = {"10.99.0.9"};
  facts.not_looked_at = {"the firewall's rules: there is no program nft"};
  return facts;
}

TEST(DoctorOutputTest, JsonHasItsDocumentedShape) {
  const auto json = DoctorJson(SomeFacts(), {{"loss", doctor::Finding::Severity::kRisk, "what", "how"}});
  EXPECT_EQ(
      json.dump(),
      R"({"role":"replica","interface":"eth0","group":"239.192.1.2","port":7422,"server":{"address":"10.99.0.1:7420","asked":true,"problem":"","interfaces":[{"name":"eth0","source":"10.99.0.1","mtu":1500}],"ttl":1,"frame_size":1372,"rate_bytes_per_second":1000000,"clock_offset_seconds":-1.5},"listened_seconds":5.0,"probes":[{"kind":"small","bytes":64,"sent":20,"received":19,"longest_gap":1}],"stream_frames":0,"dropped_by_socket":0,"buffer_bytes":0,"heard_elsewhere":{},"queriers":["10.99.0.9"],"soak":null,"not_looked_at":["the firewall's rules: there is no program nft"],"findings":[{"id":"loss","severity":"risk","seen":"what","advice":"how"}]})");
}

TEST(DoctorOutputTest, TextSaysWhatWasSeenAndWhatToDo) {
  const std::string text = DoctorText(SomeFacts(), {{"loss", doctor::Finding::Severity::kFault, "what", "how"}});
  EXPECT_THAT(text, HasSubstr("small 19 of 20 came"));
  EXPECT_THAT(text, HasSubstr("loss\n  seen  what\n  do    how\n1 finding\n"));
  EXPECT_THAT(text, HasSubstr("there is no program nft"));
  EXPECT_THAT(DoctorText(SomeFacts(), {}), HasSubstr("nothing is wrong here"));
}

TEST(DoctorOutputTest, TextSaysWhenTheServerCouldNotBeAsked) {
  doctor::Facts facts = SomeFacts();
  facts.server = {};
  facts.server.address = "10.99.0.1:7420";
  facts.server.problem = "it is away";
  const std::string text = DoctorText(facts, {});
  EXPECT_THAT(text, HasSubstr("10.99.0.1:7420 could not be asked: it is away"));
  EXPECT_THAT(text, HasSubstr("nothing is wrong on this machine; what the server sends"));
}

}  // namespace
}  // namespace replicast::cli
