// The loops. What they do is told by the Python functions that call them, and by their PyTorch
// references; here are arrays of float32 in C order unless said otherwise.
#pragma once

#include "trilinear.hpp"
#include "view.hpp"

namespace loops {

using Image = View<const float, 3>;       // (I, J, K)
using Images = View<const float, 4>;      // (C, I, J, K)
using Points = View<const double, 2>;     // (N, 3)
using Plane = View<float, 3>;
using Planes = View<float, 4>;

// warping.cpp
void sample_linear(Images image, Points points, float outside, View<float, 2> out);
template <class T>
void sample_nearest(View<const T, 4> image, Points points, T outside, View<T, 2> out);
void warp(Images image, Affine m, Images u, Image weight, Planes out, Plane inside);
template <class T, class U>
void warp_nearest(View<const T, 4> image, Affine m, View<const U, 4> u, T outside,
                  View<T, 4> out);
void compose(Images u, Images v, Planes out);

// taps.cpp
void sample_cubic(Images coefficients, Points points, float outside, View<float, 2> out);
void sample_sinc(Images image, Points points, float outside, View<float, 2> out);

// force.cpp
void displacement_gradient(Images warped, Image known, Images upstream, Planes force);

// affine.cpp
void affine_force(Images image, Affine m, Images upstream, View<double, 3> partial);

// inverse.cpp
void invert(Images u, Images first, Planes v, int iterations, double tolerance, Plane residual);

// fields.cpp
void turn(View<const float, 2> u, View<const float, 2> linear, View<float, 2> out);
void determinant(Images u, const double *linear, Plane out);

// stored.cpp
void stored_order(Images u, View<const float, 1> signs, Index first, Planes out);

// unit.cpp: images channels last
void sample_unit(Images image, View<const float, 2> points, View<float, 2> out);
void warp_unit(Images image, Images u, Planes out);

// histogram.cpp
void joint(Image fixed, Image warped, Image weight, View<double, 3> partial);
void joint_gradient(Image fixed, Image warped, Image weight, View<const float, 2> table, Plane out);
void lookup(Image fixed, Image warped, Image weight, View<const float, 2> table, Plane out);

// smoothing.cpp
void along_first(Images image, View<const float, 1> taps, bool zero, Planes out);
void along_others(Images image, View<const float, 1> taps_j, View<const float, 1> taps_k,
                  bool zero, Planes out);

// momentum.cpp
void mean_square(Images force, Image weight, View<double, 2> partial);
void momentum_step(Planes speed, Images force, float typical, float step, float momentum);

// windows.cpp
struct WindowSums {
    double correlation, weight;  // the correlations of all windows by their weight, and that
};
WindowSums lncc_gradient(Image fixed, Image warped, Image weight, Index radius, Index stride,
                         bool squared, float eps, Index most_bytes, Plane out);

// shifts.cpp
void refine_shifts(Images fixed, Image weight, Image coefficients,
                   View<const std::int64_t, 2> corners, View<const std::int64_t, 2> start,
                   double share, int steps, double far, double done, View<double, 2> found,
                   View<double, 3> patches);

// blocks.cpp
void block_distances(Images fixed, Images wide, Image weight,
                     View<const std::int64_t, 2> corners, Planes out);

// distance.cpp: (a, n, b) of double
void nearest_along(View<const double, 3> source, double step, double face, double most,
                   View<double, 3> out);

// components.cpp
std::int32_t components(View<const std::uint8_t, 3> flags, View<std::int32_t, 3> out);

// flow.cpp
void spline_values(Image coefficients, Points points, View<double, 1> out);
void spline_warp(Image coefficients, Images u, Image weight, Plane out, Planes slopes);
void carry(View<const double, 4> coefficients, View<double, 2> points, double time, int steps,
           View<double, 1> growth);

}  // namespace loops
