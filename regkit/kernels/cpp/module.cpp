// What Python sees of the loops: NumPy arrays in C order, which the functions fill.
//
// Shapes are the caller's matter, who has made every array; types are checked here. What is filled
// is never converted, since a copy would be filled in its place.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>

#include "kernels.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using namespace loops;

template <class T, int N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N>
using Out = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
using Matrix = In<double, 2>;

// Becomes a view of as many axes as a loop asks for.
template <class Array>
struct Seen {
    const Array &array;

    template <class T, int N>
    operator View<T, N>() const {
        View<T, N> view;
        view.data = array.data();
        for (int axis = 0; axis < N; ++axis)
            view.shape[axis] = static_cast<Index>(array.shape(static_cast<std::size_t>(axis)));
        return view;
    }
};

template <class Array>
Seen<Array> view(const Array &array) {
    return {array};
}

Affine affine(const Matrix &m) { return {m.data()}; }

using Freely = nb::call_guard<nb::gil_scoped_release>;  // other threads of Python go on

auto filled(const char *name) { return nb::arg(name).noconvert(); }

template <class T>
void add_nearest(nb::module_ &m) {
    m.def("sample_nearest",
          [](In<T, 4> image, In<double, 2> points, T outside, Out<T, 2> out) {
              sample_nearest<T>(view(image), view(points), outside, view(out));
          },
          nb::arg("image").noconvert(), "points"_a, "outside"_a, filled("out"), Freely());
    m.def("warp_nearest",
          [](In<T, 4> image, Matrix matrix, In<float, 4> u, T outside, Out<T, 4> out) {
              warp_nearest<T, float>(view(image), affine(matrix), view(u), outside, view(out));
          },
          nb::arg("image").noconvert(), "matrix"_a, nb::arg("u").noconvert(), "outside"_a,
          filled("out"), Freely());
    m.def("warp_nearest",
          [](In<T, 4> image, Matrix matrix, In<double, 4> u, T outside, Out<T, 4> out) {
              warp_nearest<T, double>(view(image), affine(matrix), view(u), outside, view(out));
          },
          nb::arg("image").noconvert(), "matrix"_a, nb::arg("u").noconvert(), "outside"_a,
          filled("out"), Freely());
}

// The best set of instructions of this processor: 3 has AVX2 and FMA, 4 has AVX-512 too.
int instruction_level() {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    __builtin_cpu_init();
    const bool third = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("bmi2");
    const bool fourth = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
    return third ? (fourth ? 4 : 3) : 0;
#else
    return 0;
#endif
}

}  // namespace

NB_MODULE(REGKIT_MODULE, m) {
    m.doc() = "Compiled loops; see the functions of regkit.kernels that call them.";
    m.def("instruction_level", &instruction_level);
    m.def("thread_count", &thread_count);
    m.def("set_thread_count", &set_thread_count, "count"_a);

    m.def("sample_linear",
          [](In<float, 4> image, In<double, 2> points, float outside, Out<float, 2> out) {
              sample_linear(view(image), view(points), outside, view(out));
          },
          "image"_a, "points"_a, "outside"_a, filled("out"), Freely());
    m.def("sample_cubic",
          [](In<float, 4> coefficients, In<double, 2> points, float outside, Out<float, 2> out) {
              sample_cubic(view(coefficients), view(points), outside, view(out));
          },
          "coefficients"_a, "points"_a, "outside"_a, filled("out"), Freely());
    m.def("sample_sinc",
          [](In<float, 4> image, In<double, 2> points, float outside, Out<float, 2> out) {
              sample_sinc(view(image), view(points), outside, view(out));
          },
          "image"_a, "points"_a, "outside"_a, filled("out"), Freely());
    add_nearest<std::uint8_t>(m);
    add_nearest<std::int16_t>(m);
    add_nearest<std::int32_t>(m);
    add_nearest<std::int64_t>(m);
    m.def("warp",
          [](In<float, 4> image, Matrix matrix, In<float, 4> u, In<float, 3> weight,
             Out<float, 4> out, Out<float, 3> inside) {
              warp(view(image), affine(matrix), view(u), view(weight), view(out), view(inside));
          },
          "image"_a, "matrix"_a, "u"_a, "weight"_a, filled("out"), filled("inside"), Freely());
    m.def("compose",
          [](In<float, 4> u, In<float, 4> v, Out<float, 4> out) {
              compose(view(u), view(v), view(out));
          },
          "u"_a, "v"_a, filled("out"), Freely());

    m.def("displacement_gradient",
          [](In<float, 4> warped, In<float, 3> known, In<float, 4> upstream, Out<float, 4> force) {
              displacement_gradient(view(warped), view(known), view(upstream), view(force));
          },
          "warped"_a, "known"_a, "upstream"_a, filled("force"), Freely());
    m.def("affine_force",
          [](In<float, 4> image, Matrix matrix, In<float, 4> upstream, Out<double, 3> partial) {
              affine_force(view(image), affine(matrix), view(upstream), view(partial));
          },
          "image"_a, "matrix"_a, "upstream"_a, filled("partial"), Freely());

    m.def("invert",
          [](In<float, 4> u, In<float, 4> first, Out<float, 4> v, int iterations,
             double tolerance, Out<float, 3> residual) {
              invert(view(u), view(first), view(v), iterations, tolerance, view(residual));
          },
          "u"_a, "first"_a, filled("v"), "iterations"_a, "tolerance"_a, filled("residual"), Freely());
    m.def("stored_order",
          [](In<float, 4> u, In<float, 1> signs, Index first, Out<float, 4> out) {
              stored_order(view(u), view(signs), first, view(out));
          },
          "u"_a, "signs"_a, "first"_a, filled("out"), Freely());
    m.def("turn",
          [](In<float, 2> u, In<float, 2> linear, Out<float, 2> out) {
              turn(view(u), view(linear), view(out));
          },
          "u"_a, "linear"_a, filled("out"), Freely());
    m.def("determinant",
          [](In<float, 4> u, Matrix linear, Out<float, 3> out) {
              determinant(view(u), linear.data(), view(out));
          },
          "u"_a, "linear"_a, filled("out"), Freely());

    m.def("sample_unit",
          [](In<float, 4> image, In<float, 2> points, Out<float, 2> out) {
              sample_unit(view(image), view(points), view(out));
          },
          "image"_a, "points"_a, filled("out"), Freely());
    m.def("warp_unit",
          [](In<float, 4> image, In<float, 4> u, Out<float, 4> out) {
              warp_unit(view(image), view(u), view(out));
          },
          "image"_a, "u"_a, filled("out"), Freely());

    m.def("joint",
          [](In<float, 3> fixed, In<float, 3> warped, In<float, 3> weight, Out<double, 3> partial) {
              joint(view(fixed), view(warped), view(weight), view(partial));
          },
          "fixed"_a, "warped"_a, "weight"_a, filled("partial"), Freely());
    m.def("joint_gradient",
          [](In<float, 3> fixed, In<float, 3> warped, In<float, 3> weight, In<float, 2> table,
             Out<float, 3> out) {
              joint_gradient(view(fixed), view(warped), view(weight), view(table), view(out));
          },
          "fixed"_a, "warped"_a, "weight"_a, "table"_a, filled("out"), Freely());
    m.def("lookup",
          [](In<float, 3> fixed, In<float, 3> warped, In<float, 3> weight, In<float, 2> table,
             Out<float, 3> out) {
              lookup(view(fixed), view(warped), view(weight), view(table), view(out));
          },
          "fixed"_a, "warped"_a, "weight"_a, "table"_a, filled("out"), Freely());

    m.def("along_first",
          [](In<float, 4> image, In<float, 1> taps, bool zero, Out<float, 4> out) {
              along_first(view(image), view(taps), zero, view(out));
          },
          "image"_a, "taps"_a, "zero"_a, filled("out"), Freely());
    m.def("along_others",
          [](In<float, 4> image, In<float, 1> taps_j, In<float, 1> taps_k, bool zero,
             Out<float, 4> out) {
              along_others(view(image), view(taps_j), view(taps_k), zero, view(out));
          },
          "image"_a, "taps_j"_a, "taps_k"_a, "zero"_a, filled("out"), Freely());

    m.def("mean_square",
          [](In<float, 4> force, In<float, 3> weight, Out<double, 2> partial) {
              mean_square(view(force), view(weight), view(partial));
          },
          "force"_a, "weight"_a, filled("partial"), Freely());
    m.def("momentum_step",
          [](Out<float, 4> speed, In<float, 4> force, float typical, float step, float momentum) {
              momentum_step(view(speed), view(force), typical, step, momentum);
          },
          filled("speed"), "force"_a, "typical"_a, "step"_a, "momentum"_a, Freely());

    m.def("lncc_gradient",
          [](In<float, 3> fixed, In<float, 3> warped, In<float, 3> weight, Index radius,
             Index stride, bool squared, float eps, Index most_bytes, Out<float, 3> out) {
              const nb::gil_scoped_release release;
              const WindowSums sums = lncc_gradient(view(fixed), view(warped), view(weight), radius,
                                                    stride, squared, eps, most_bytes, view(out));
              return std::pair(sums.correlation, sums.weight);
          },
          "fixed"_a, "warped"_a, "weight"_a, "radius"_a, "stride"_a, "squared"_a, "eps"_a,
          "most_bytes"_a, filled("out"));

    m.def("refine_shifts",
          [](In<float, 4> fixed, In<float, 3> weight, In<float, 3> coefficients,
             In<std::int64_t, 2> corners, In<std::int64_t, 2> start, double share, int steps,
             double far, double done, Out<double, 2> found, Out<double, 3> patches) {
              refine_shifts(view(fixed), view(weight), view(coefficients), view(corners),
                            view(start), share, steps, far, done, view(found), view(patches));
          },
          "fixed"_a, "weight"_a, "coefficients"_a, "corners"_a, "start"_a, "share"_a, "steps"_a, "far"_a,
          "done"_a, filled("found"), filled("patches"), Freely());

    m.def("block_distances",
          [](In<float, 4> fixed, In<float, 4> wide, In<float, 3> weight,
             In<std::int64_t, 2> corners, Out<float, 4> out) {
              block_distances(view(fixed), view(wide), view(weight), view(corners), view(out));
          },
          "fixed"_a, "wide"_a, "weight"_a, "corners"_a, filled("out"), Freely());

    m.def("nearest_along",
          [](In<double, 3> source, double step, double face, double most, Out<double, 3> out) {
              nearest_along(view(source), step, face, most, view(out));
          },
          "source"_a, "step"_a, "face"_a, "most"_a, filled("out"), Freely());
    m.def("components",
          [](In<std::uint8_t, 3> flags, Out<std::int32_t, 3> out) {
              return components(view(flags), view(out));
          },
          "flags"_a, filled("out"), Freely());
    m.def("spline_values",
          [](In<float, 3> coefficients, In<double, 2> points, Out<double, 1> out) {
              spline_values(view(coefficients), view(points), view(out));
          },
          "coefficients"_a, "points"_a, filled("out"), Freely());
    m.def("spline_warp",
          [](In<float, 3> coefficients, In<float, 4> u, In<float, 3> weight, Out<float, 3> out,
             Out<float, 4> slopes) {
              spline_warp(view(coefficients), view(u), view(weight), view(out), view(slopes));
          },
          "coefficients"_a, "u"_a, "weight"_a, filled("out"), filled("slopes"), Freely());
    m.def("carry",
          [](In<double, 4> coefficients, Out<double, 2> points, double time, int steps,
             Out<double, 1> growth) {
              carry(view(coefficients), view(points), time, steps, view(growth));
          },
          "coefficients"_a, filled("points"), "time"_a, "steps"_a, filled("growth"), Freely());
}
