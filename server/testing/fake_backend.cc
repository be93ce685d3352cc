#include "server/testing/fake_backend.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"

namespace peregrine::server {
namespace {

// A session takes source tokens in blocks, as the real one does.
constexpr int kBlock = 4;

class FakeSession : public DecodeSession {
 public:
  FakeSession(const decode::SessionLimits& limits,
              const FakeBackend::Options& options)
      : limits_(limits),
        max_source_tokens_(options.max_source_tokens),
        score_(options.score),
        on_step_(options.on_step),
        device_status_(options.device_status) {}

  decode::Room room() const override {
    decode::Room room{limits_.max_rows, limits_.max_source_tokens};
    for (const auto& [id, live] : live_) {
      room.rows -= live.input.options.beam_size;
      room.source_tokens -= BlockedTokens(Length(live.input));
    }
    return room;
  }

  int BlockedTokens(int source_length) const override {
    return (source_length + 1 + kBlock - 1) / kBlock * kBlock;
  }

  absl::Status Validate(const decode::SentenceInput& sentence) const override {
    if (sentence.source.empty() || Length(sentence) > max_source_tokens_) {
      return absl::InvalidArgumentError("the fake does not take this length");
    }
    return absl::OkStatus();
  }

  void Admit(absl::Span<const decode::SentenceInput> sentences) override {
    for (const decode::SentenceInput& sentence : sentences) {
      PEREGRINE_CHECK(Validate(sentence).ok());
      PEREGRINE_CHECK(live_.emplace(sentence.id, Live{sentence, 0}).second);
    }
    PEREGRINE_CHECK(room().rows >= 0 && room().source_tokens >= 0);
  }

  std::vector<decode::SentenceOutput> Step() override {
    on_step_();
    std::vector<decode::SentenceOutput> finished;
    for (auto it = live_.begin(); it != live_.end();) {
      Live& live = it->second;
      ++live.steps;
      const int target =
          live.input.target.has_value()
              ? 1
              : std::min(Length(live.input), live.input.options.max_length);
      if (live.steps < target) {
        ++it;
        continue;
      }
      finished.push_back(Finish(live));
      it = live_.erase(it);
    }
    return finished;
  }

  std::vector<decode::StableTokens> TakeStable() override {
    std::vector<decode::StableTokens> stable;
    for (const auto& [id, live] : live_) {
      if (!live.input.options.stream || live.steps == 0) continue;
      stable.push_back({id, Tokens(live)});
    }
    return stable;
  }

  bool Cancel(uint64_t id) override { return live_.erase(id) > 0; }

  int live_rows() const override { return limits_.max_rows - room().rows; }
  absl::Status status() const override { return device_status_(); }

 private:
  struct Live {
    decode::SentenceInput input;
    int steps = 0;
  };

  static int Length(const decode::SentenceInput& input) {
    return static_cast<int>(input.source.size());
  }

  // So far, of every hypothesis.
  static std::vector<int32_t> Tokens(const Live& live) {
    const decode::DecodingOptions& options = live.input.options;
    std::vector<int32_t> tokens;
    for (int32_t token :
         {options.source_language, options.rules.forced_first_token}) {
      if (token >= 0) tokens.push_back(token);
    }
    for (int i = 0; i < live.steps; ++i) {
      tokens.push_back(absl::ascii_toupper(live.input.source[i]));
    }
    return tokens;
  }

  decode::SentenceOutput Finish(const Live& live) const {
    decode::SentenceOutput output;
    output.id = live.input.id;
    output.source_tokens = Length(live.input);
    output.encode_time = absl::Milliseconds(1);
    output.decode_time = absl::Milliseconds(live.steps);
    if (live.input.target.has_value()) {
      output.hypotheses.push_back(Score(*live.input.target));
      return output;
    }
    for (int n = 0; n < live.input.options.num_hypotheses; ++n) {
      decode::Hypothesis hypothesis;
      hypothesis.tokens = Tokens(live);
      hypothesis.tokens.insert(hypothesis.tokens.end(), n, '+');
      hypothesis.score = score_ - static_cast<float>(n);
      hypothesis.truncated = live.steps < Length(live.input);
      output.hypotheses.push_back(std::move(hypothesis));
    }
    return output;
  }

  // -1 a token and -0.5 for the end.
  static decode::Hypothesis Score(const std::vector<int32_t>& target) {
    decode::Hypothesis hypothesis;
    hypothesis.tokens = target;
    hypothesis.token_scores.assign(target.size(), -1.0f);
    hypothesis.token_scores.push_back(-0.5f);
    hypothesis.score = -1.0f * target.size() - 0.5f;
    return hypothesis;
  }

  const decode::SessionLimits limits_;
  const int max_source_tokens_;
  const float score_;
  const std::function<void()> on_step_;
  const std::function<absl::Status()> device_status_;
  std::map<uint64_t, Live> live_;
};

// Lines, as far as those before are finished.
class FakeBegunText : public BegunText {
 public:
  explicit FakeBegunText(size_t num_sentences) : lines_(num_sentences) {}

  void Extend(size_t sentence, absl::Span<const int32_t> tokens) override {
    lines_[sentence].text.assign(tokens.begin(), tokens.end());
    Update();
  }
  void Finish(size_t sentence, const decode::Hypothesis& hypothesis) override {
    lines_[sentence].is_finished = true;
    Extend(sentence, hypothesis.tokens);
  }
  const std::string& text() const override { return text_; }

 private:
  struct Line {
    std::string text;
    bool is_finished = false;
  };

  void Update() {
    text_.clear();
    for (const Line& line : lines_) {
      if (&line != &lines_.front()) text_ += '\n';
      text_ += line.text;
      if (!line.is_finished) return;
    }
  }

  std::vector<Line> lines_;
  std::string text_;
};

class FakePlan : public PlannedText {
 public:
  FakePlan(absl::string_view text, bool single_sentence, int max_tokens) {
    text_ = std::string(text);
    if (absl::StripAsciiWhitespace(text).empty()) return;
    const std::vector<std::string> lines = single_sentence
                                               ? std::vector<std::string>{text_}
                                               : absl::StrSplit(text_, '\n');
    for (const std::string& line : lines) {
      sentences_.emplace_back(line.begin(), line.end());
      if (static_cast<int>(line.size()) > max_tokens) {
        sentences_.back().resize(max_tokens);
        split_ = true;
      }
    }
  }

  const std::vector<std::vector<int32_t>>& sentences() const override {
    return sentences_;
  }

  std::unique_ptr<BegunText> Begin() const override {
    return std::make_unique<FakeBegunText>(sentences_.size());
  }

  TextTranslation Assemble(
      absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
      bool /*with_words*/) const override {
    TextTranslation result;
    size_t count = 1;
    for (const auto& of_sentence : hypotheses) {
      count = std::max(count, of_sentence.size());
      result.truncated |= of_sentence[0].truncated;
    }
    for (size_t n = 0; n < count; ++n) {
      TextHypothesis text;
      for (const auto& of_sentence : hypotheses) {
        const auto& best = of_sentence[std::min(n, of_sentence.size() - 1)];
        if (&of_sentence != &hypotheses[0]) text.text += "\n";
        text.text.append(best.tokens.begin(), best.tokens.end());
        text.score += best.score;
      }
      result.hypotheses.push_back(text);
    }
    if (hypotheses.empty()) result.hypotheses[0].text = text_;
    result.repetition = text_.find('!') != std::string::npos;
    result.unknown_source = text_.find('~') != std::string::npos;
    result.source_split = split_;
    return result;
  }

 private:
  std::string text_;
  bool split_ = false;
  std::vector<std::vector<int32_t>> sentences_;
};

}  // namespace

FakeBackend::FakeBackend(Options options) : options_(std::move(options)) {
  info_.name = options_.name;
  info_.revision = options_.revision;
  info_.source_language =
      options_.languages.empty() ? "en" : options_.languages[0].code;
  info_.target_language = options_.languages.empty() ? "EN" : "";
  info_.languages = options_.languages;
  info_.architecture = "capitals";
  info_.parameters = 26;
  info_.source_vocab_size = info_.target_vocab_size = 256;
  info_.max_source_tokens = options_.max_source_tokens;
  info_.max_target_tokens = options_.max_target_tokens;
  info_.device = "fake";
  info_.precision = "exact";
  info_.products = "nobody";
  info_.weights_bytes = options_.weights_bytes;
}

decode::DecodingOptions FakeBackend::DefaultOptions(int source_tokens) const {
  decode::DecodingOptions options;
  options.beam_size = 2;
  options.max_length = std::min(2 * source_tokens, options_.max_target_tokens);
  return options;
}

absl::StatusOr<std::unique_ptr<DecodeSession>> FakeBackend::MakeSession(
    const decode::SessionLimits& limits) const {
  if (!options_.session_status.ok()) return options_.session_status;
  return std::make_unique<FakeSession>(limits, options_);
}

std::unique_ptr<PlannedText> FakeBackend::Plan(
    absl::string_view text, const document::DocumentOptions& options) const {
  return std::make_unique<FakePlan>(text, options.single_sentence,
                                    options_.max_source_tokens);
}

std::vector<int32_t> FakeBackend::SourceIds(
    absl::Span<const absl::string_view> pieces, int& unknown) const {
  std::vector<int32_t> ids;
  for (absl::string_view piece : pieces) {
    const bool known = piece.size() == 1;
    unknown += !known;
    ids.push_back(known ? piece[0] : '~');
  }
  return ids;
}

std::vector<int32_t> FakeBackend::TargetIds(
    absl::Span<const absl::string_view> pieces, int& unknown) const {
  return SourceIds(pieces, unknown);
}

std::vector<int32_t> FakeBackend::EncodeTarget(absl::string_view text) const {
  return {text.begin(), text.end()};
}

absl::Status FakeBackend::CheckTarget(
    const std::vector<int32_t>& target,
    const decode::DecodingOptions& /*options*/) const {
  if (static_cast<int>(target.size()) <= options_.max_target_tokens) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("the fake does not take this length");
}

std::string FakeBackend::TargetPiece(int32_t id) const {
  return std::string(1, static_cast<char>(id));
}

}  // namespace peregrine::server
