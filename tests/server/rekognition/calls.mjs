// The published SDK with nothing but its endpoint variable: what operations give, as JSON.
// usage: AWS_ENDPOINT_URL_REKOGNITION=... node calls.mjs FOLDER ANN AGAIN BOB (pictures: paths)
import fs from 'fs';
import { createRequire } from 'module';

const [folder, ann, again, bob] = process.argv.slice(2);
const sdk = createRequire(folder + '/package.json')('@aws-sdk/client-rekognition');
const client = new sdk.RekognitionClient({});
const answers = [];

async function call(name, input) {
    try {
        const { $metadata, ...value } = await client.send(new sdk[name + 'Command'](input));
        answers.push({ name, value });
        return value;
    } catch (error) {
        answers.push({ name, error: error.name, status: error.$metadata?.httpStatusCode, message: error.message });
        return null;
    }
}

const image = path => ({ Bytes: fs.readFileSync(path) });
const at = { CollectionId: 'node' };
await call('CreateCollection', at);
await call('CreateCollection', at);
const first = await call('IndexFaces', { ...at, Image: image(ann), ExternalImageId: 'ann.jpg', DetectionAttributes: ['ALL'] });
const second = await call('IndexFaces', { ...at, Image: image(again) });
const id = first.FaceRecords[0].Face.FaceId, other = second.FaceRecords[0].Face.FaceId;
await call('ListFaces', at);
await call('CreateUser', { ...at, UserId: 'Ann' });
await call('AssociateFaces', { ...at, UserId: 'Ann', FaceIds: [id, other] });
await call('SearchFaces', { ...at, FaceId: id });
await call('SearchFacesByImage', { ...at, Image: image(again) });
await call('SearchUsersByImage', { ...at, Image: image(again) });
await call('SearchUsersByImage', { ...at, Image: image(bob) });
await call('CompareFaces', { SourceImage: image(ann), TargetImage: image(again) });
await call('DetectFaces', { Image: image(ann), Attributes: ['ALL'] });
await call('ListUsers', at);
await call('DescribeCollection', at);
await call('DetectFaces', { Image: { Bytes: Buffer.from('no picture') } });
await call('DeleteCollection', at);
await call('DescribeCollection', at);
process.stdout.write(JSON.stringify(answers));
