#include "common/wire/frame_codec.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/base/random.h"
#include "replicast/v1/frames.pb.h"

namespace replicast::wire {
namespace {

FrameView View(std::string_view body, bool is_key_update = false) {
  return {0x11223344, 0x0000abcd, 0x0102030405060708, is_key_update, body};
}

TEST(FrameCodecTest, ComesBackFromItsBytes) {
  for (const bool is_key_update : {false, true}) {
    for (const size_t size : {1, 127, 128, 1300, 8900}) {
      const std::string body(size, 'b');
      const std::string datagram = SerializeFrame(View(body, is_key_update));
      const auto frame = ParseFrame(datagram);
      ASSERT_TRUE(frame.has_value()) << size;
      EXPECT_EQ(frame->stream_id, 0x11223344u);
      EXPECT_EQ(frame->key_epoch, 0x0000abcdu);
      EXPECT_EQ(frame->sequence, 0x0102030405060708u);
      EXPECT_EQ(frame->is_key_update, is_key_update);
      EXPECT_EQ(frame->body, body);
      EXPECT_LE(datagram.size(), kFrameHeaderSize + 3 + size);
    }
  }
}

TEST(FrameCodecTest, IsTheProtobufEncodingOfFrame) {
  v1::Frame message;
  message.set_stream_id(0x11223344);
  message.set_key_epoch(0x0000abcd);
  message.set_sequence(0x0102030405060708);
  message.set_sealed(std::string(200, 's'));
  EXPECT_EQ(SerializeFrame(View(message.sealed())), message.SerializeAsString());
  message.set_key_update(message.sealed());
  message.clear_sealed();
  EXPECT_EQ(SerializeFrame(View(message.key_update(), true)), message.SerializeAsString());
}

TEST(FrameCodecTest, RefusesEveryCutOrLengthenedDatagram) {
  const std::string datagram = SerializeFrame(View(std::string(200, 'b')));
  for (size_t size = 0; size < datagram.size(); ++size) EXPECT_FALSE(ParseFrame(datagram.substr(0, size))) << size;
  EXPECT_FALSE(ParseFrame(datagram + 'x'));
  EXPECT_FALSE(ParseFrame(SerializeFrame(View(std::string(limits::kMaxDatagram, 'b')))));
}

TEST(FrameCodecTest, RefusesNumbersThatAreZero) {
  FrameView frame = View("b");
  frame.stream_id = 0;
  EXPECT_FALSE(ParseFrame(SerializeFrame(frame)));
  frame = View("b");
  frame.key_epoch = 0;
  EXPECT_FALSE(ParseFrame(SerializeFrame(frame)));
  frame = View("b");
  frame.sequence = 0;
  EXPECT_FALSE(ParseFrame(SerializeFrame(frame)));
}

TEST(FrameCodecTest, RefusesWhatIsEncodedInAnotherWay) {
  const std::string good = SerializeFrame(View("body"));
  ASSERT_TRUE(ParseFrame(good));
  const std::string numbers = good.substr(0, kFrameHeaderSize);
  const std::string stream = numbers.substr(0, 5), epoch = numbers.substr(5, 5), sequence = numbers.substr(10);
  const auto body = [](const char* tag_and_length) { return *HexDecode(tag_and_length) + "body"; };
  ASSERT_EQ(good, numbers + body("2204"));
  // In another order, one left out, one twice.
  EXPECT_FALSE(ParseFrame(epoch + stream + sequence + body("2204")));
  EXPECT_FALSE(ParseFrame(body("2204") + numbers));
  EXPECT_FALSE(ParseFrame(stream + sequence + body("2204")));
  EXPECT_FALSE(ParseFrame(numbers + body("2204") + body("2204")));
  EXPECT_FALSE(ParseFrame(numbers + body("2204") + body("2a04")));
  EXPECT_FALSE(ParseFrame(numbers + sequence + body("2204")));
  // A length longer than need be, too long, too short, empty, of another field.
  EXPECT_FALSE(ParseFrame(numbers + body("228400")));
  EXPECT_FALSE(ParseFrame(numbers + body("22848000")));
  EXPECT_FALSE(ParseFrame(numbers + body("22ffffffff0f")));
  EXPECT_FALSE(ParseFrame(numbers + body("2205")));
  EXPECT_FALSE(ParseFrame(numbers + body("2203")));
  EXPECT_FALSE(ParseFrame(numbers + *HexDecode("2200")));
  EXPECT_FALSE(ParseFrame(numbers + body("3204")));
}

TEST(FrameCodecTest, WhatIsAcceptedIsCanonical) {
  SeededRandom random(7);
  const std::string good = SerializeFrame(View(std::string(150, 'b')));
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string datagram = good;
    for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips) {
      // Mostly in the header and the length.
      datagram[random.Below(random.Below(2) == 0 ? datagram.size() : kFrameHeaderSize + 3)] =
          static_cast<char>(random.Next());
    }
    const auto frame = ParseFrame(datagram);
    if (!frame) continue;
    ++accepted;
    ASSERT_EQ(SerializeFrame(*frame), datagram);
  }
  EXPECT_GT(accepted, 0);
}

TEST(FrameCodecTest, AssociatedDataIsBigEndian) {
  EXPECT_EQ(HexEncode(FrameAssociatedData(0x11223344, 0x0000abcd, 0x0102030405060708)),
            "112233440000abcd0102030405060708");
}

}  // namespace
}  // namespace replicast::wire
