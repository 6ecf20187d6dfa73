#include "common/wire/probe_datagram.h"

#include <gtest/gtest.h>

#include "common/wire/frame_codec.h"

namespace replicast::wire {
namespace {

const std::string kNonce = "0123456789abcdef";

TEST(ProbeDatagramTest, GivesBackWhatWasPutIn) {
  const std::string datagram = SerializeProbe({kNonce, 3, 70'000}, 200);
  EXPECT_EQ(datagram.size(), 200u);
  const auto probe = ParseProbe(datagram);
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->nonce, kNonce);
  EXPECT_EQ(probe->kind, 3);
  EXPECT_EQ(probe->number, 70'000u);
}

TEST(ProbeDatagramTest, IsAsLongAsItsHeaderAtLeast) {
  EXPECT_EQ(SerializeProbe({kNonce, 1, 0}, 1).size(), kProbeHeaderSize);
}

TEST(ProbeDatagramTest, LooksAsFormatMdSays) {
  const std::string expected = "replicast probe1" + kNonce + std::string("\x02\0\0\0\x07", 5) + std::string(3, '\0');
  EXPECT_EQ(SerializeProbe({kNonce, 2, 7}, 40), expected);
}

TEST(ProbeDatagramTest, NeverPassesForAFrameNorAFrameForIt) {
  EXPECT_FALSE(ParseFrame(SerializeProbe({kNonce, 2, 7}, 1372)));
  EXPECT_FALSE(ParseProbe(SerializeFrame({1, 2, 3, false, std::string(100, 'x')})));
}

TEST(ProbeDatagramTest, RefusesWhatIsShortOrAnotherMagic) {
  const std::string datagram = SerializeProbe({kNonce, 1, 1}, 0);
  for (size_t size = 0; size < datagram.size(); ++size) EXPECT_FALSE(ParseProbe(datagram.substr(0, size))) << size;
  std::string other = datagram;
  other[15] = '2';
  EXPECT_FALSE(ParseProbe(other));
}

}  // namespace
}  // namespace replicast::wire
