/** TensorFlow.js's kernels, compiled. */
declare const binary: WebAssembly.Module;
export default binary;
