// Parts of a set of voxels that hang together by their faces.
#include <vector>

#include "kernels.hpp"

namespace loops {
namespace {

// Numbers of parts that were found to be one: a tree, whose root is the least of them.
class Joined {
  public:
    std::int32_t another() {
        const std::int32_t next = static_cast<std::int32_t>(parent_.size());
        parent_.push_back(next);
        return next;
    }

    std::int32_t root(std::int32_t part) {
        while (parent_[at(part)] != part) {
            parent_[at(part)] = parent_[at(parent_[at(part)])];
            part = parent_[at(part)];
        }
        return part;
    }

    std::int32_t join(std::int32_t one, std::int32_t other) {
        one = root(one);
        other = root(other);
        const std::int32_t least = one < other ? one : other;
        parent_[at(one)] = least;
        parent_[at(other)] = least;
        return least;
    }

    // The final number of each: of roots in order, from 0 for what is in no part.
    std::vector<std::int32_t> numbers(std::int32_t &count) {
        std::vector<std::int32_t> number(parent_.size());
        count = 0;
        for (std::size_t part = 1; part < parent_.size(); ++part) {
            const std::int32_t least = root(static_cast<std::int32_t>(part));
            number[part] = at(least) == part ? ++count : number[at(least)];
        }
        return number;
    }

  private:
    static std::size_t at(std::int32_t part) { return static_cast<std::size_t>(part); }

    std::vector<std::int32_t> parent_{0};
};

}  // namespace

// Number the parts from 1 in the order of their first voxels; 0 elsewhere. Returns how many.
std::int32_t components(View<const std::uint8_t, 3> flags, View<std::int32_t, 3> out) {
    Joined joined;
    const Shape size = shape_of(flags);
    for (Index i = 0; i < size.n0; ++i)
        for (Index j = 0; j < size.n1; ++j) {
            const std::uint8_t *flag = flags[i][j].data;
            std::int32_t *to = out[i][j].data, *before = i > 0 ? out[i - 1][j].data : nullptr,
                         *above = j > 0 ? out[i][j - 1].data : nullptr;
            std::int32_t last = 0;  // of the voxel before in the row
            for (Index k = 0; k < size.n2; ++k) {
                std::int32_t part = 0;
                if (flag[k]) {
                    part = last;
                    for (const std::int32_t *side : {above, before})
                        if (side && side[k] && side[k] != part)
                            part = part ? joined.join(part, side[k]) : side[k];
                    if (!part) part = joined.another();
                }
                to[k] = last = part;
            }
        }
    std::int32_t count = 0;
    const std::vector<std::int32_t> number = joined.numbers(count);
    for (Index voxel = 0; voxel < size.count(); ++voxel)
        out.data[voxel] = number[static_cast<std::size_t>(out.data[voxel])];
    return count;
}

}  // namespace loops
