#include "compare/plots.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compare/report.h"
#include "compare/svg.h"

namespace peregrine::compare {
namespace {

constexpr char kGridColor[] = "#dddddd";
constexpr char kAxisColor[] = "#777777";
constexpr char kPaperColor[] = "#c0392b";

// ---- Speed-ups.

constexpr double kLabelWidth = 290;
constexpr double kBarsWidth = 420;
constexpr double kNoteWidth = 150;
constexpr double kBarHeight = 16;
constexpr double kRowHeight = 24;
constexpr double kPanelHead = 46;
constexpr double kPanelFoot = 34;

const char* BarColor(const ComparisonResult& result,
                     const Contestant& contestant) {
  if (contestant.engine != "peregrine") return "#e08a2e";
  if (contestant.model == result.baseline) return "#9aa5b1";
  return contestant.trained ? "#3a9d5d" : "#2f6fb2";
}

std::string BarLabel(const Contestant& contestant) {
  if (contestant.engine != "peregrine") {
    return absl::StrCat(contestant.engine, ", ", contestant.model);
  }
  return contestant.label;
}

// One panel; `y` is its top.
class SpeedUpPanel {
 public:
  SpeedUpPanel(const ComparisonResult& result, const Group& group, Svg& svg,
               double y)
      : result_(result), group_(group), svg_(svg), y_(y) {
    for (const Contestant* contestant : group.contestants) {
      const int base = result.BaselineOf(*contestant);
      if (base < 0) continue;
      spreads_.push_back(
          result.SpeedUp(*contestant, result.contestants[base], group.setting));
      // A small trained model would make the ladder's bars too short to read.
      if (!contestant->trained || !HasLadder()) {
        most_ = std::max(most_, spreads_.back().max);
      }
    }
    if (IsLikeThePaper()) most_ = std::max(most_, kPaperCpuSpeedUp);
    most_ *= 1.05;
  }

  static double Height(const Group& group) {
    return kPanelHead +
           kRowHeight * static_cast<double>(group.contestants.size()) +
           kPanelFoot;
  }

  void Draw() {
    svg_.Text(12, y_ + 22, group_.title, {14, Anchor::kStart, "#222222", true});
    DrawGrid();
    for (std::size_t i = 0; i < spreads_.size(); ++i) DrawBar(i);
    svg_.Line(kLabelWidth, top(), kLabelWidth, bottom(), kAxisColor);
    if (IsLikeThePaper()) DrawPaper();
  }

 private:
  bool HasLadder() const {
    return std::any_of(group_.contestants.begin(), group_.contestants.end(),
                       [](const Contestant* other) { return !other->trained; });
  }

  bool IsLikeThePaper() const {
    const Setting& setting = result_.settings[group_.setting];
    return group_.device.rfind("cpu", 0) == 0 &&
           group_.precision == "float32" && setting.beam_size == 4 &&
           setting.batch_size == 64 && result_.baseline == "base-32k";
  }

  double top() const { return y_ + kPanelHead; }
  double bottom() const {
    return top() + kRowHeight * static_cast<double>(spreads_.size());
  }
  double X(double speed_up) const {
    return kLabelWidth + kBarsWidth * speed_up / most_;
  }

  void DrawGrid() {
    const double step = GridStep(most_, 8);
    for (double at = 0; at <= most_; at += step) {
      svg_.Line(X(at), top(), X(at), bottom(), kGridColor);
      svg_.Text(X(at), bottom() + 16, absl::StrFormat("%gx", at),
                {11, Anchor::kMiddle, kAxisColor});
    }
  }

  void DrawBar(std::size_t row) {
    const Contestant& contestant = *group_.contestants[row];
    const Spread& spread = spreads_[row];
    const double middle = top() + kRowHeight * (static_cast<double>(row) + 0.5);
    svg_.Text(kLabelWidth - 8, middle + 4, BarLabel(contestant),
              {12, Anchor::kEnd});
    const double end = std::min(X(spread.median), X(most_));
    svg_.Rectangle(kLabelWidth, middle - kBarHeight / 2, end - kLabelWidth,
                   kBarHeight, BarColor(result_, contestant));
    if (spread.max <= most_) {
      svg_.Line(X(spread.min), middle, X(spread.max), middle, "#222222", 1.5);
    } else {
      // Cut off, as the two strokes show.
      for (const double x : {end - 24, end - 16}) {
        svg_.Line(x, middle + kBarHeight / 2 + 2, x + 8,
                  middle - kBarHeight / 2 - 2, "#ffffff", 3);
      }
    }
    const double tokens = Median(result_.Speeds(contestant, group_.setting));
    svg_.Text(kLabelWidth + kBarsWidth + 10, middle + 4,
              absl::StrFormat("%.2fx", spread.median),
              {12, Anchor::kStart, "#222222", true});
    svg_.Text(kLabelWidth + kBarsWidth + kNoteWidth, middle + 4,
              absl::StrFormat("%.0f tokens/s", tokens), {12, Anchor::kEnd});
  }

  void DrawPaper() {
    const double x = X(kPaperCpuSpeedUp);
    svg_.Line(x, top() - 6, x, bottom(), kPaperColor, 1.5, /*dashed=*/true);
    svg_.Text(x, top() - 10,
              absl::StrFormat("MDN in the paper: %.2fx", kPaperCpuSpeedUp),
              {11, Anchor::kEnd, kPaperColor});
  }

  const ComparisonResult& result_;
  const Group& group_;
  Svg& svg_;
  const double y_;
  std::vector<Spread> spreads_;  // of the group's contestants
  double most_ = 1;
};

// ---- Quality.

struct Point {
  double speed_up;
  double bleu;
  std::string label;
  std::string series;
};

std::vector<Point> QualityPoints(const ComparisonResult& result) {
  std::vector<Point> points;
  for (const Group& group : MakeGroups(result)) {
    for (const Contestant* contestant : group.contestants) {
      const auto score =
          contestant->bleu.find(result.settings[group.setting].beam_size);
      const int base = result.BaselineOf(result.contestants.front());
      if (score == contestant->bleu.end() || base < 0) continue;
      points.push_back(
          {result.SpeedUp(*contestant, result.contestants[base], group.setting)
               .median,
           score->second, contestant->model, group.title});
    }
  }
  return points;
}

// The values of an axis and where they are drawn.
struct Axis {
  double from, to;        // values
  double at_from, at_to;  // pixels

  double At(double value) const {
    return at_from + (value - from) / (to - from) * (at_to - at_from);
  }
};

// `values` with a margin; from 0 where `from_zero`.
Axis MakeAxis(const std::vector<double>& values, bool from_zero, double at_from,
              double at_to) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  double from = from_zero ? 0 : std::floor(*low - 0.5);
  const double to = from_zero ? *high * 1.15 : std::ceil(*high + 0.5);
  if (to - from < 1e-6) from -= 1;
  return {from, to, at_from, at_to};
}

void DrawAxes(const Axis& x, const Axis& y, const std::string& x_title,
              Svg& svg) {
  const double x_step = GridStep(x.to - x.from, 8);
  for (double at = std::ceil(x.from / x_step) * x_step; at <= x.to;
       at += x_step) {
    svg.Line(x.At(at), y.at_from, x.At(at), y.at_to, kGridColor);
    svg.Text(x.At(at), y.at_from + 18, absl::StrFormat("%gx", at),
             {11, Anchor::kMiddle, kAxisColor});
  }
  const double y_step = GridStep(y.to - y.from, 6);
  for (double at = std::ceil(y.from / y_step) * y_step; at <= y.to;
       at += y_step) {
    svg.Line(x.at_from, y.At(at), x.at_to, y.At(at), kGridColor);
    svg.Text(x.at_from - 8, y.At(at) + 4, absl::StrFormat("%g", at),
             {11, Anchor::kEnd, kAxisColor});
  }
  svg.Line(x.at_from, y.at_from, x.at_to, y.at_from, kAxisColor);
  svg.Line(x.at_from, y.at_from, x.at_from, y.at_to, kAxisColor);
  svg.Text((x.at_from + x.at_to) / 2, y.at_from + 40, x_title,
           {12, Anchor::kMiddle});
  svg.Text(x.at_from - 42, (y.at_from + y.at_to) / 2, "BLEU",
           {12, Anchor::kMiddle, "#222222", false, -90});
}

}  // namespace

std::string PlotSpeedUps(const ComparisonResult& result) {
  const std::vector<Group> groups = MakeGroups(result);
  double height = 40;
  for (const Group& group : groups) height += SpeedUpPanel::Height(group);
  Svg svg(kLabelWidth + kBarsWidth + kNoteWidth + 10, height);
  svg.Text(12, 24,
           absl::StrCat(
               "Speed-up over ", result.baseline, " in target tokens a second",
               result.clock == Clock::kCpu ? " of processor time" : ""),
           {16, Anchor::kStart, "#222222", true});
  double y = 36;
  for (const Group& group : groups) {
    SpeedUpPanel(result, group, svg, y).Draw();
    y += SpeedUpPanel::Height(group);
  }
  return svg.Finish();
}

std::string PlotQuality(const ComparisonResult& result) {
  static constexpr const char* kColors[] = {"#2f6fb2", "#e08a2e", "#3a9d5d",
                                            "#8e44ad", "#c0392b", "#16a0a0"};
  const std::vector<Point> points = QualityPoints(result);
  std::map<std::string, const char*> colors;
  std::vector<double> speeds, scores;
  for (const Point& point : points) {
    colors.emplace(point.series, kColors[colors.size() % std::size(kColors)]);
    speeds.push_back(point.speed_up);
    scores.push_back(point.bleu);
  }
  const double legend = 20 * static_cast<double>(colors.size());
  Svg svg(760, 470 + legend);
  svg.Text(12, 24, "Quality against speed",
           {16, Anchor::kStart, "#222222", true});
  if (points.empty()) return svg.Finish();
  const Axis x = MakeAxis(speeds, /*from_zero=*/true, 70, 640);
  const Axis y = MakeAxis(scores, /*from_zero=*/false, 400, 44);
  const Contestant& base =
      result.contestants[result.BaselineOf(result.contestants.front())];
  DrawAxes(x, y,
           absl::StrCat("speed-up over ", base.model, " in ", base.precision(),
                        " on ", base.device, ", same beam and batch"),
           svg);
  for (const Point& point : points) {
    svg.Circle(x.At(point.speed_up), y.At(point.bleu), 5, colors[point.series]);
    svg.Text(x.At(point.speed_up) + 8, y.At(point.bleu) - 6, point.label, {11});
  }
  double row = 464;
  for (const auto& [series, color] : colors) {
    svg.Circle(76, row, 5, color);
    svg.Text(88, row + 4, series, {12});
    row += 20;
  }
  return svg.Finish();
}

}  // namespace peregrine::compare
