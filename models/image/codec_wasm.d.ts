/** A decoder, compiled. */
declare const binary: WebAssembly.Module;
export default binary;
