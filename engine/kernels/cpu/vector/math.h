#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_MATH_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_MATH_H_

namespace peregrine::kernels {

// e^x within 2 units in the last place for x in [-87, 88]; what is below counts
// as -87, so that e^-infinity is 1.6e-38. Nothing may be above.
// Cephes' expf: 2^n times a polynomial in the rest.
template <class V>
inline typename V::Float Exp(typename V::Float x) {
  using Float = typename V::Float;
  x = V::Max(x, V::Set(-87.0f));
  const Float n = V::Round(V::Mul(x, V::Set(1.44269504f)));
  Float r = V::MulAdd(n, V::Set(-0.693359375f), x);  // ln 2 in two parts
  r = V::MulAdd(n, V::Set(2.12194440e-4f), r);
  Float p = V::Set(1.9875691500e-4f);
  p = V::MulAdd(p, r, V::Set(1.3981999507e-3f));
  p = V::MulAdd(p, r, V::Set(8.3334519073e-3f));
  p = V::MulAdd(p, r, V::Set(4.1665795894e-2f));
  p = V::MulAdd(p, r, V::Set(1.6666665459e-1f));
  p = V::MulAdd(p, r, V::Set(0.5f));
  p = V::MulAdd(p, V::Mul(r, r), V::Add(r, V::Set(1.0f)));
  return V::Scale2(p, n);
}

// e^x within 2e-7 + 1e-7 |x| of itself for x below 88, in two thirds of the
// time: enough for sums in which what is far below the largest hardly counts.
// What is below -87 counts as -87. NaN stays NaN.
// 2^n times a minimax polynomial of 2^r, r in [-1/2, 1/2].
template <class V>
inline typename V::Float RoughExp(typename V::Float x) {
  using Float = typename V::Float;
  x = V::Max(V::Set(-126.0f), V::Mul(x, V::Set(1.44269504f)));
  const Float n = V::Round(x);
  const Float r = V::Sub(x, n);
  Float p = V::Set(1.3276471782e-3f);
  p = V::MulAdd(p, r, V::Set(9.6755413328e-3f));
  p = V::MulAdd(p, r, V::Set(5.5507132741e-2f));
  p = V::MulAdd(p, r, V::Set(2.4022119724e-1f));
  p = V::MulAdd(p, r, V::Set(6.9314696706e-1f));
  p = V::MulAdd(p, r, V::Set(1.0f));
  return V::Scale2(p, n);
}

// erf(x) within 3e-7: a rational function of x^2 (the one of XLA and Eigen).
template <class V>
inline typename V::Float Erf(typename V::Float x) {
  using Float = typename V::Float;
  x = V::Min(V::Max(x, V::Set(-4.0f)), V::Set(4.0f));
  const Float s = V::Mul(x, x);
  Float p = V::Set(-2.72614225801306e-10f);
  p = V::MulAdd(p, s, V::Set(2.77068142495902e-08f));
  p = V::MulAdd(p, s, V::Set(-2.10102402082508e-06f));
  p = V::MulAdd(p, s, V::Set(-5.69250639462346e-05f));
  p = V::MulAdd(p, s, V::Set(-7.34990630326855e-04f));
  p = V::MulAdd(p, s, V::Set(-2.95459980854025e-03f));
  p = V::MulAdd(p, s, V::Set(-1.60960333262415e-02f));
  Float q = V::Set(-1.45660718464996e-05f);
  q = V::MulAdd(q, s, V::Set(-2.13374055278905e-04f));
  q = V::MulAdd(q, s, V::Set(-1.68282697438203e-03f));
  q = V::MulAdd(q, s, V::Set(-7.37332916720468e-03f));
  q = V::MulAdd(q, s, V::Set(-1.42647390514189e-02f));
  return V::Div(V::Mul(x, p), q);
}

template <class V>
inline typename V::Float Gelu(typename V::Float x) {
  const typename V::Float erf = Erf<V>(V::Mul(x, V::Set(0.707106781f)));
  return V::Mul(V::Mul(x, V::Set(0.5f)), V::Add(erf, V::Set(1.0f)));
}

// 1 + e^-x
template <class V>
inline typename V::Float OnePlusExpOfMinus(typename V::Float x) {
  const typename V::Float exp =
      Exp<V>(V::Min(V::Sub(V::Zero(), x), V::Set(88.0f)));
  return V::Add(exp, V::Set(1.0f));
}

template <class V>
inline typename V::Float Sigmoid(typename V::Float x) {
  return V::Div(V::Set(1.0f), OnePlusExpOfMinus<V>(x));
}

template <class V>
inline typename V::Float Swish(typename V::Float x) {
  return V::Div(x, OnePlusExpOfMinus<V>(x));
}

// x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
template <class V>
inline typename V::Float GeluTanh(typename V::Float x) {
  const typename V::Float cubic =
      V::MulAdd(V::Mul(x, x), V::Set(0.0713548162f), V::Set(1.59576912f));
  return V::Div(x, OnePlusExpOfMinus<V>(V::Mul(x, cubic)));
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_MATH_H_
