"""Rows for the ops of ``polynet/ops/image.py``; nothing but rows."""

from polynet.conformance.case import array, bad, case, ints
from polynet.errors import DTypeError, ShapeError

_TURNED = [0.9, 0.3, -0.41, -0.2, 1.1, 0.37, 0.01, -0.02]
_CORNERS = [[0.0, 0.0], [2.0, 0.0], [0.0, 3.0], [2.0, 3.0]]

CASES = [
    case(
        "image.map_coordinates",
        array(4, 5),
        array(2, 7, low=0.1, high=2.9),
        1,
        reference="scipy.ndimage.map_coordinates(inputs, coordinates, order=1)",
    ),
    case("image.pad_images", array(2, 3, 3), 1, 0, 2, 1, reference="np.pad(images, [(1, 2), (0, 1), (0, 0)])"),
    case("image.crop_images", array(5, 6, 2), 1, 0, 2, 3, reference="images[1:3, :3]"),
    case("image.extract_patches", ints(4, 4, 1), 2,
         reference="images.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(2, 2, 4)"),
    case("image.resize", array(2, 2, 1), (2, 4), label="twice as wide",
         reference="np.stack([images[:, 0], (3 * images[:, 0] + images[:, 1]) / 4,"
         " (images[:, 0] + 3 * images[:, 1]) / 4, images[:, 1]], 1)"),
    case("image.resize", array(4, 4, 1), (2, 2), antialias=False, label="half",
         reference="images.reshape(2, 2, 2, 2, 1).mean((1, 3))"),
    case("image.resize", array(2, 2, 3), (4, 4), "nearest",
         reference="images.repeat(2, 0).repeat(2, 1)"),
    case("image.rgb_to_grayscale", array(3, 4, 3), reference="images @ np.array([[0.2989], [0.587], [0.114]])"),
    *(case("image.map_coordinates", array(4, 5), array(2, 7, low=-6, high=9), order, mode, 0.5,
           reference="read_at(inputs, coordinates, order, fill_mode, fill_value)")
      for order in (0, 1) for mode in ("constant", "nearest", "wrap", "mirror", "reflect")),
    case("image.map_coordinates", ints(4, 5), array(2, 2, 3, low=0.1, high=2.9), 0,
         reference="read_at(inputs, coordinates, order, fill_mode)"),
    *(case("image.affine_transform", array(2, 5, 4, 2), array(values=_TURNED), fill_mode=mode,
           reference="warped(images, transform, fill_mode)")
      for mode in ("nearest", "wrap", "reflect")),
    case("image.affine_transform", array(2, 5, 4), array(values=_TURNED), fill_mode="nearest",
         data_format="channels_first", tolerance=(1e-4, 1e-5),
         reference="warped(images[..., None], transform, fill_mode)[..., 0]", label="channels first"),
    case("image.perspective_transform", array(4, 3, 2), array(values=_CORNERS), array(values=_CORNERS),
         reference="images", grad=False, why="places on pixels, where interpolation has kinks",
         tolerance=(1e-4, 1e-4)),
    *(case(f"image.{name}", array(2, 3, 4, 3, low=0.05, high=0.95), reference=f"recoloured(images, '{name}')",
           tolerance=(1e-4, 1e-5))
      for name in ("rgb_to_hsv", "hsv_to_rgb")),
    case("image.gaussian_blur", array(2, 6, 5, 2), (3, 5), array(2, low=0.5, high=1.5),
         reference="blurred(images, kernel_size, sigma)"),
    case("image.sobel_edges", array(2, 4, 5, 2),
         reference="np.stack([steep(images, axis, 3 - axis) for axis in (1, 2)], -1)"),
    case("image.ssim", array(6, 7, 2, low=0, high=1), array(6, 7, 2, low=0, high=1), 1.0, 3,
         reference="alike(image1, image2, filter_size, filter_sigma, max_val)", tolerance=(1e-3, 1e-4)),
    *(case("image.resize", array(2, 7, 6, 3), size, method, antialias=True,
           reference="np.moveaxis(resized(np.moveaxis(images, -1, 1), size, interpolation, True), 1, -1)")
      for method in ("bilinear", "bicubic") for size in ((3, 4), (9, 5))),
    case("image.resize", array(3, 6, 4), (3, 2), data_format="channels_first", label="channels first",
         reference="resized(images[None], size, 'bilinear', False)[0]"),
    case("image.extract_patches", array(2, 5, 6, 2), (2, 3), strides=(3, 3),
         reference="np.stack([images[:, i:i + 2, j:j + 3].reshape(2, -1) for i in (0, 3) for j in (0, 3)], 1)"
         ".reshape(2, 2, 2, 12)"),
    case("image.extract_patches_3d", array(4, 4, 4, 1), 2,
         reference="volumes.reshape(2, 2, 2, 2, 2, 2).transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, 2, 8)"),
    case("image.pad_images", array(1, 3, 3, 2), 1, 2, target_height=6, target_width=7,
         reference="np.pad(images, [(0, 0), (1, 2), (2, 2), (0, 0)])"),
]  # fmt: skip

BAD = [
    bad("image.resize", array(4, 3), (2, 2), error=ShapeError, match="images: expected 3 or 4 axes"),
    bad("image.rgb_to_hsv", ints(4, 4, 3), error=DTypeError, match="expected a floating dtype"),
    bad("image.affine_transform", array(4, 4, 3), array(6), error=ShapeError, match="transform: expected shape (8,)"),
]  # fmt: skip
