// The picture with zoom and pan, the heatmap over it, and the tiles in it.
"use strict";

const stage = document.getElementById("viewer");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

if (stage && window.OpenSeadragon) start();

function start() {
  const plain = stage.querySelector("img");
  const viewer = OpenSeadragon({
    element: stage,
    drawer: "canvas",
    tileSources: { type: "image", url: stage.dataset.display },
    showNavigationControl: false,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    animationTime: calm ? 0 : 0.6,
    visibilityRatio: 0.8,
    maxZoomPixelRatio: 6,
    minZoomImageRatio: 0.9,
  });
  viewer.addOnceHandler("open", () => {
    plain.hidden = true;
    document.getElementById("viewer-bar").hidden = false;
    viewer.canvas.setAttribute("role", "application");
    viewer.canvas.setAttribute(
      "aria-label",
      `${plain.alt}. Arrow keys move, plus and minus zoom, 0 shows it whole.`,
    );
    if (stage.dataset.heatmap) addHeatmap(viewer);
    offerTiles(viewer);
  });
  viewer.addOnceHandler("open-failed", () => {
    plain.hidden = false;
  });
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom === "home") viewer.viewport.goHome();
      else viewer.viewport.zoomBy(Number(button.dataset.zoom)).applyConstraints();
    });
  }
}

function addHeatmap(viewer) {
  const slider = document.getElementById("opacity");
  const said = document.getElementById("opacity-said");
  let layer = null;
  const apply = () => {
    said.textContent = `${slider.value} %`;
    if (layer) layer.setOpacity(slider.value / 100);
  };
  slider.addEventListener("input", apply);
  viewer.addSimpleImage({
    url: stage.dataset.heatmap,
    opacity: slider.value / 100,
    success: (added) => {
      layer = added.item;
      stage.dataset.layers = "2";
      apply();
    },
  });
}

function offerTiles(viewer) {
  const shown = viewer.world.getItemAt(0);
  // The picture may be smaller than the image; tiles are in pixels of the image.
  const ratio = shown.getContentSize().x / Number(stage.dataset.widthPx);
  const frame = document.createElement("div");
  frame.className = "tile-frame";
  for (const button of document.querySelectorAll("[data-side]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const [left, top, side] = [button.dataset.left, button.dataset.top, button.dataset.side].map(
        (px) => Number(px) * ratio,
      );
      const box = shown.imageToViewportRectangle(left, top, side, side);
      const around = shown.imageToViewportRectangle(left - side, top - side, 3 * side, 3 * side);
      viewer.removeOverlay(frame);
      viewer.addOverlay({ element: frame, location: box });
      viewer.viewport.fitBounds(around).applyConstraints();
      stage.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    });
  }
}
