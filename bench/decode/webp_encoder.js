// @ts-self-types="../../models/image/codec_wasm.d.ts"
// JavaScript for the same reason as models/tfjs_wasm.js.
import source binary from "npm:@jsquash/webp@1.5.0/codec/enc/webp_enc.wasm";

export default binary;
