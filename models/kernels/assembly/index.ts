export { addKernelGradient, convolve } from "./direct";
export { pad, toPanels, turn } from "./layout";
export { addKernelGradient3, convolve3, finishKernelGradient3, scratchBytes, transformKernel } from "./winograd";
export { addGradientMoments, addMoments, gradientByInput, scaleShift } from "./channels";
export { maxPool, maxPoolGradient } from "./pool";
