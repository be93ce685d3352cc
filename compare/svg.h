#ifndef PEREGRINE_COMPARE_SVG_H_
#define PEREGRINE_COMPARE_SVG_H_

#include <string>

#include "absl/strings/string_view.h"

namespace peregrine::compare {

// Where a text stands relative to its point.
enum class Anchor { kStart, kMiddle, kEnd };

struct TextStyle {
  double size = 12;
  Anchor anchor = Anchor::kStart;
  std::string color = "#222222";
  bool bold = false;
  int degrees = 0;  // turned clockwise
};

// A picture in Scalable Vector Graphics, on white. Lengths in pixels, from the
// top left.
class Svg {
 public:
  Svg(double width, double height);

  void Rectangle(double x, double y, double width, double height,
                 absl::string_view color);
  void Line(double x1, double y1, double x2, double y2, absl::string_view color,
            double width = 1, bool dashed = false);
  void Circle(double x, double y, double radius, absl::string_view color);
  // (x, y) is on the base line.
  void Text(double x, double y, absl::string_view text,
            const TextStyle& style = {});

  std::string Finish() const { return body_ + "</svg>\n"; }

 private:
  std::string body_;
};

// A step of 1, 2 or 5 times a power of ten that divides `range` into at most
// `most` parts.
double GridStep(double range, int most);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_SVG_H_
