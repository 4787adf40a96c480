"""Folders of images, pixel by pixel against torchvision's ImageFolder and its transforms on Pillow."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import skimage
import sklearn.datasets
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import CenterCrop, Compose, Grayscale, PILToTensor, Resize

import images
import models

PHOTOS = sorted([*(Path(sklearn.datasets.__file__).parent / "images").glob("*.jpg"),
                 *(Path(skimage.__file__).parent / "data").glob("*.jpg"),
                 *(Path(skimage.__file__).parent / "data").glob("*.png")])


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Real photographs, in three classes."""
    assert len(PHOTOS) > 20
    folder = tmp_path_factory.mktemp("photos")
    for i, path in enumerate(PHOTOS):
        target = folder / f"class {i % 3}" / path.name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    return folder


@pytest.fixture(scope="session")
def pixel_model(tmp_path_factory):
    return models.save(images.Pixels(), tmp_path_factory.mktemp("pixels") / "pixels.pt")


@pytest.fixture
def staged(run, pixel_model, tmp_path):
    """The pixels as the model got them: (N, values) of uint8."""

    def job(folder, *flags, ranks=2):
        out = tmp_path / "pixels.h5"
        done = run("fod-generate", "--model", pixel_model, "--data", folder, "--output-mode",
                   "logits", "--batch-size", 4, "--out", out, "--overwrite", *flags, ranks=ranks,
                   timeout=120)
        assert done.returncode == 0, done.stderr
        assert run("fod", "verify", out, ranks=None).returncode == 0
        with h5py.File(out) as file:
            logs = np.log(file["distributions"][:].astype(np.float64))
        values = 64 * (logs[:, 1:] - logs[:, :1])
        whole = np.rint(values)
        assert np.abs(values - whole).max() < 0.05
        return whole.astype(np.int64)

    return job


def expected(folder, *steps, gray=False):
    """What torchvision's ImageFolder gives."""
    first = [Grayscale(1)] if gray else []
    dataset = ImageFolder(folder, transform=Compose([*first, *steps, PILToTensor()]))
    return np.stack([image.numpy().reshape(-1) for image, _ in dataset]).astype(np.int64)


@pytest.mark.parametrize("flags,steps,gray", [
    (["--resize", "256", "--crop", "224"], [Resize(256), CenterCrop(224)], False),
    (["--resize", "33", "--crop", "32"], [Resize(33), CenterCrop(32)], False),
    (["--resize", "700", "--crop", "97"], [Resize(700), CenterCrop(97)], False),
    (["--crop", "101"], [CenterCrop(101)], False),
    (["--resize", "57x101"], [Resize((57, 101))], False),
    (["--resize", "31,400"], [Resize((31, 400))], False),
    (["--resize", "60x500", "--crop", "91", "--image-mode", "gray"], [Resize((60, 500)), CenterCrop(91)], True),
    (["--resize", "100", "--crop", "151"], [Resize(100), CenterCrop(151)], False),
    (["--resize", "97", "--crop", "90", "--image-mode", "gray"], [Resize(97), CenterCrop(90)], True)])
def test_photographs(staged, photos, flags, steps, gray):
    """Downscaled, upscaled, padded, stretched, gray. Values of PNGs are equal; JPEG decoders of
    other versions may differ by rounding."""
    pixels = staged(photos, *flags)
    reference = expected(photos, *steps, gray=gray)
    difference = np.abs(pixels - reference).max(axis=1)
    names = [Path(path).name for path, _ in ImageFolder(photos).samples]
    assert difference.max() <= 2
    if "x" not in flags[1] and "," not in flags[1]:  # versions of Pillow differ in the order
        assert all(d == 0 for name, d in zip(names, difference) if name.endswith(".png"))


def odd_jpegs(folder):
    rgb, inks = Image.fromarray(images.noise()), Image.fromarray(images.noise(channels=4), "CMYK")
    inks.save(folder / "cmyk.jpg", quality=95)
    Image.fromarray(images.noise()[..., 0]).save(folder / "gray.jpg", quality=95)
    rgb.save(folder / "progressive.jpg", quality=90, progressive=True)
    rgb.save(folder / "subsampled.jpg", quality=90, subsampling=2)
    rgb.save(folder / "full.jpg", quality=90, subsampling=0)
    rgb.save(folder / "half.jpg", quality=90, subsampling=1)
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held upright; neither Pillow nor torchvision turn it
    rgb.save(folder / "turned.jpg", quality=90, exif=exif)
    rgb.save(folder / "really_jpeg.png", "JPEG", quality=90)


def odd_pngs(folder):
    gray = images.noise()[..., 0]
    alpha = np.dstack([images.noise(), gray[::-1]])
    Image.fromarray(alpha, "RGBA").save(folder / "alpha.png")
    Image.fromarray(alpha[..., 2:], "LA").save(folder / "gray_alpha.png")
    Image.fromarray(images.noise()).quantize(64).save(folder / "palette.png")
    Image.fromarray(images.noise()).quantize(3).save(folder / "palette_2bit.png", bits=2)
    Image.fromarray(images.noise()).quantize(16).save(folder / "palette_clear.png", transparency=3)
    Image.fromarray(gray > 127).save(folder / "one_bit.png")
    Image.fromarray(images.noise()).save(folder / "clear_colour.png", transparency=(0, 0, 0))
    Image.fromarray(images.noise()).save(folder / "REALLY_PNG.JPeG", "PNG")
    wide = images.noise().astype(np.uint16) * 256 + np.arange(30)[None, :, None].astype(np.uint16) * 8
    images.write_png(folder / "sixteen_rgb.png", wide)
    images.write_png(folder / "sixteen_rgba.png", np.dstack([wide, wide[..., 0]]))


@pytest.mark.parametrize("mode", ["rgb", "gray"])
def test_odd_formats(staged, tmp_path, mode):
    """As Pillow converts them."""
    folder = tmp_path / "odd" / "only"
    folder.mkdir(parents=True)
    odd_jpegs(folder)
    odd_pngs(folder)
    pixels = staged(folder.parent, "--image-mode", mode)
    paths = [Path(path) for path, _ in ImageFolder(folder.parent).samples]
    assert len(paths) == len(pixels) == 18
    for path, row in zip(paths, pixels):
        image = np.asarray(Image.open(path).convert("RGB" if mode == "rgb" else "L"))
        planes = image.transpose(2, 0, 1) if mode == "rgb" else image
        difference = np.abs(row - planes.reshape(-1).astype(np.int64)).max()
        assert difference <= (0 if path.suffix == ".png" and "jpeg" not in path.name else 2), path


@pytest.mark.parametrize("mode", ["rgb", "gray"])
def test_gray_pngs_of_all_depths(staged, tmp_path, mode):
    """Expanded to the full range, those of 16 bits by their high byte; interlaced or not."""
    folder = tmp_path / "gray" / "only"
    folder.mkdir(parents=True)
    reference = []
    for interlaced in (False, True):
        for bits in (1, 2, 4, 8, 16):
            values = np.random.default_rng(bits).integers(0, 1 << bits, (19, 21)).astype(np.uint16)
            path = folder / f"{int(interlaced)}_{bits:02}.png"
            images.write_png(path, values[..., None], bits, interlaced)
            plain = values >> 8 if bits == 16 else values * (255 // ((1 << bits) - 1))
            if bits < 16:
                np.testing.assert_array_equal(np.asarray(Image.open(path).convert("L")), plain)
            reference.append(np.tile(plain.reshape(-1), 3 if mode == "rgb" else 1))
    np.testing.assert_array_equal(staged(folder.parent, "--image-mode", mode), np.stack(reference))


def test_order_pixel_by_pixel(staged, tmp_path):
    """Every image has its own brightness: sample i is ImageFolder's i-th."""
    names = ["b/x.png", "b/sub/x.png", "b/sub x/x.png", "b/sub/deeper/x.jpg", "b/Z.png", "b/a.png",
             "B/1.png", "B/10.png", "B/2.png", "ä/x.png", "a/é.png", "a/e.png", "a/z.png",
             "a.b/new\nline.png", "a/.png", "a/..jpeg"]
    folder = tmp_path / "order"
    for i, name in enumerate(names):
        images.flat(folder / name, 10 * i, (5, 4))
    pixels = staged(folder)
    np.testing.assert_array_equal(pixels, expected(folder))
    assert len(set(pixels[:, 0])) == len(names)


def test_harmless_damage_is_read_as_pillow_reads_it(staged, tmp_path):
    """Bytes that no decoder needs, between markers and behind the end."""
    folder = tmp_path / "harmless" / "a"
    whole = images.textured(folder / "x.jpg")
    (folder / "y.jpg").write_bytes(whole + b"trailing bytes")
    at = whole.index(b"\xff\xda")
    (folder / "z.jpg").write_bytes(whole[:at] + b"\0\0\0" + whole[at:])
    pixels = staged(folder.parent)
    assert (pixels == pixels[0]).all()
    assert np.abs(pixels - expected(folder.parent)).max() <= 2
