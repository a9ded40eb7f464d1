// @ts-self-types="./tfjs_wasm.d.ts"
// JavaScript, since TypeScript 6 can't parse a source phase import yet. It makes the file part of the module graph, so
// that it is fetched, cached and locked with the package and read without any permission, also from a remote module.
import source binary from "npm:@tensorflow/tfjs-backend-wasm@4.22.0/dist/tfjs-backend-wasm-simd.wasm";

export default binary;
